import { encodeBase64url } from '../src/base64url.ts'
import type { PrivateLicenseKey } from '../src/index.ts'

/** Signs any header and payload, so that only the rule under test can refuse the statement. */
export async function forge(
  header: object | string,
  payload: object | string | Uint8Array,
  { x, d }: PrivateLicenseKey,
): Promise<string> {
  const part = (value: object | string) => {
    if (value instanceof Uint8Array) return encodeBase64url(value)
    return encodeBase64url(new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value)))
  }
  const input = `${part(header)}.${part(payload)}`
  const jwk = { kty: 'OKP', crv: 'Ed25519', x, d }
  const key = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['sign'])
  const signature = await crypto.subtle.sign('Ed25519', key, new TextEncoder().encode(input))
  return `${input}.${encodeBase64url(new Uint8Array(signature))}`
}
