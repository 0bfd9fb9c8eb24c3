import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { isRecord } from './record.ts'

/** An Ed25519 public key as a JWK (RFC 8037); `kid` is its RFC 7638 thumbprint, base64url of SHA-256. */
export interface PublicLicenseKey {
  kty: 'OKP'
  crv: 'Ed25519'
  x: string
  kid: string
}

/** The private half. Whoever holds it can issue licenses: keep it encrypted at rest. */
export interface PrivateLicenseKey extends PublicLicenseKey {
  d: string
}

const keyBytes = 32

/** Makes a new Ed25519 key pair for use as root or as signing key. Throws where Web Crypto lacks Ed25519. */
export async function generateLicenseKey(): Promise<{ privateKey: PrivateLicenseKey; publicKey: PublicLicenseKey }> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
  const jwk = 'privateKey' in pair ? await crypto.subtle.exportKey('jwk', pair.privateKey) : {}
  if (jwk.x === undefined || jwk.d === undefined) throw new TypeError('Web Crypto gave no whole Ed25519 key pair.')
  const publicKey = await withThumbprint(jwk.x)
  return { privateKey: { ...publicKey, d: jwk.d }, publicKey }
}

/** The public half of a private key, safe to publish. */
export function toPublicKey(key: PrivateLicenseKey | PublicLicenseKey): PublicLicenseKey {
  return { kty: key.kty, crv: key.crv, x: key.x, kid: key.kid }
}

/** RFC 7638 thumbprint of an Ed25519 key: base64url of the SHA-256 over its required members in lexical order. */
export async function thumbprint(jwk: { kty: 'OKP'; crv: 'Ed25519'; x: string }): Promise<string> {
  const canonical = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(canonical))))
}

/** Reads a public key out of parsed JSON; null unless it is a whole Ed25519 key whose `kid` is its thumbprint. */
export async function parsePublicKey(value: unknown): Promise<PublicLicenseKey | null> {
  if (!isRecord(value) || value.kty !== 'OKP' || value.crv !== 'Ed25519') return null
  if (typeof value.x !== 'string' || decodeBase64url(value.x)?.length !== keyBytes) return null
  const key = await withThumbprint(value.x)
  return value.kid === key.kid ? key : null
}

export function importPrivateKey(key: PrivateLicenseKey): Promise<CryptoKey> {
  const jwk = { kty: key.kty, crv: key.crv, x: key.x, d: key.d }
  return crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['sign'])
}

export function importPublicKey(key: PublicLicenseKey): Promise<CryptoKey> {
  const jwk = { kty: key.kty, crv: key.crv, x: key.x }
  return crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['verify'])
}

async function withThumbprint(x: string): Promise<PublicLicenseKey> {
  const members = { kty: 'OKP', crv: 'Ed25519', x } as const
  return { ...members, kid: await thumbprint(members) }
}
