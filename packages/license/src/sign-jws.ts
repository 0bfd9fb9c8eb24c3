import { encodeBase64url } from './base64url.ts'
import { type JwsType, maxJwsLength } from './jws.ts'
import type { PrivateLicenseKey } from './private-key.ts'

/** Signs a payload as a compact JWS. Throws RangeError when no verifier would look at so long a text. */
export type SignJws = (payload: object) => Promise<string>

/** Taking the key in costs more than signing by it does: whoever signs many takes it in once. */
export async function openSigner(type: JwsType, key: PrivateLicenseKey): Promise<SignJws> {
  const { kty, crv, x, d, kid } = key
  const cryptoKey = await crypto.subtle.importKey('jwk', { kty, crv, x, d }, 'Ed25519', false, ['sign'])
  const header = encodeJson({ alg: 'EdDSA', typ: type, kid })
  return async (payload) => {
    const signingInput = `${header}.${encodeJson(payload)}`
    const signature = await crypto.subtle.sign('Ed25519', cryptoKey, new TextEncoder().encode(signingInput))
    const text = `${signingInput}.${encodeBase64url(new Uint8Array(signature))}`
    if (text.length > maxJwsLength[type]) {
      throw new RangeError(`Signed it would be longer than ${maxJwsLength[type] / 1024} KiB: divide it.`)
    }
    return text
  }
}

function encodeJson(value: object): string {
  return encodeBase64url(new TextEncoder().encode(JSON.stringify(value)))
}
