import { type LicenseClaims, parseClaims } from './claims.ts'
import { signJws } from './jws.ts'
import { type PrivateLicenseKey, type PublicLicenseKey, parsePublicKey } from './keys.ts'

/**
 * Signs one license and gives the token: a compact JWS of type `ocelli-license+jwt`.
 * Throws TypeError when the claims make no license (an id empty or too long, FULL with `exp`, TRIAL without).
 */
export async function signLicense(options: { key: PrivateLicenseKey; claims: LicenseClaims }): Promise<string> {
  const claims = parseClaims({ ...options.claims })
  if (typeof claims === 'string') throw new TypeError(claims)
  return signJws('ocelli-license+jwt', claims, options.key)
}

/**
 * Lets the root key vouch for a signing key and gives a compact JWS of type `ocelli-key+jwt`. `issuedAt` is in seconds
 * since 1970. Only the public members of `subject` are written. Throws TypeError for a subject whose `kid` is not its
 * thumbprint.
 */
export async function certifyKey(options: {
  root: PrivateLicenseKey
  subject: PublicLicenseKey
  issuedAt: number
}): Promise<string> {
  const subject = await parsePublicKey(options.subject)
  if (subject === null) throw new TypeError('The subject is not an Ed25519 key with its thumbprint as kid.')
  if (!Number.isSafeInteger(options.issuedAt) || options.issuedAt < 0) {
    throw new TypeError('issuedAt must be whole seconds since 1970.')
  }
  return signJws('ocelli-key+jwt', { sub: subject.kid, jwk: subject, iat: options.issuedAt }, options.root)
}
