import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { isRecord } from './record.ts'

/** An Ed25519 public key as a JWK (RFC 8037); `kid` is its RFC 7638 thumbprint, base64url of SHA-256. */
export interface PublicLicenseKey {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
  kid: string
}

const keyBytes = 32

/** RFC 7638 thumbprint of an Ed25519 key: base64url of the SHA-256 over its required members in lexical order. */
export async function thumbprint(jwk: { kty: 'OKP'; crv: 'Ed25519'; x: string }): Promise<string> {
  const canonical = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(canonical))))
}

/** Reads a public key out of parsed JSON; null unless it is a whole Ed25519 key whose `kid` is its thumbprint. */
export async function parsePublicKey(value: unknown): Promise<PublicLicenseKey | null> {
  if (!isRecord(value) || value.kty !== 'OKP' || value.crv !== 'Ed25519') return null
  if (typeof value.x !== 'string' || value.x.length > 64 || decodeBase64url(value.x)?.length !== keyBytes) return null
  const key = await withThumbprint(value.x)
  return value.kid === key.kid ? key : null
}

/** The key whose public part is `x` (base64url), named by its thumbprint (RFC 7638). */
export async function withThumbprint(x: string): Promise<PublicLicenseKey> {
  const members = { kty: 'OKP', crv: 'Ed25519', x } as const
  return { ...members, kid: await thumbprint(members) }
}
