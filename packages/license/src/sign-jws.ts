import { encodeBase64url } from './base64url.ts'
import { type JwsType, maxJwsLength } from './jws.ts'
import type { PrivateLicenseKey } from './private-key.ts'

/** Signs a payload as a compact JWS. Throws RangeError when no verifier would look at so long a text. */
export async function signJws(type: JwsType, payload: object, key: PrivateLicenseKey): Promise<string> {
  const header = { alg: 'EdDSA', typ: type, kid: key.kid }
  const signingInput = `${encodeJson(header)}.${encodeJson(payload)}`
  const { kty, crv, x, d } = key
  const cryptoKey = await crypto.subtle.importKey('jwk', { kty, crv, x, d }, 'Ed25519', false, ['sign'])
  const signature = await crypto.subtle.sign('Ed25519', cryptoKey, new TextEncoder().encode(signingInput))
  const text = `${signingInput}.${encodeBase64url(new Uint8Array(signature))}`
  if (text.length > maxJwsLength[type]) {
    throw new RangeError(`Signed it would be longer than ${maxJwsLength[type] / 1024} KiB: divide it.`)
  }
  return text
}

function encodeJson(value: object): string {
  return encodeBase64url(new TextEncoder().encode(JSON.stringify(value)))
}
