import { type PublicLicenseKey, withThumbprint } from './keys.ts'

/** The private half. Whoever holds it can issue licenses: keep it encrypted at rest. */
export interface PrivateLicenseKey extends PublicLicenseKey {
  d: string
}

/**
 * Makes a new Ed25519 key pair: root, signing key, app maker's key or one for receipts. Throws where Web Crypto lacks
 * Ed25519.
 */
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
