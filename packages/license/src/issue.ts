import { type BundleClaims, parseBundleClaims } from './bundle-claims.ts'
import { type LicenseClaims, parseClaims } from './claims.ts'
import { type GrantClaims, parseGrantClaims } from './grant-claims.ts'
import type { JwsType } from './jws.ts'
import { type PublicLicenseKey, parsePublicKey } from './keys.ts'
import { type PrivateLicenseKey, toPublicKey } from './private-key.ts'
import { parseReceiptClaims, type ReceiptClaims } from './receipt-claims.ts'
import { openSigner } from './sign-jws.ts'

/**
 * Signs one license and gives the token: a compact JWS of type `ocelli-license+jwt`.
 * Throws TypeError when the claims make no license (an id empty or too long, FULL with `exp`, TRIAL without).
 */
export async function signLicense(options: { key: PrivateLicenseKey; claims: LicenseClaims }): Promise<string> {
  return await signClaims('ocelli-license+jwt', parseClaims({ ...options.claims }), options.key)
}

/** Signs many licenses by one key, which is taken in once, and gives their tokens in the same order. Throws as `signLicense`. */
export async function signLicenses(options: { key: PrivateLicenseKey; claims: LicenseClaims[] }): Promise<string[]> {
  const parsed = options.claims.map((claims) => {
    const one = parseClaims({ ...claims })
    if (typeof one === 'string') throw new TypeError(one)
    return one
  })
  const sign = await openSigner('ocelli-license+jwt', options.key)
  return await Promise.all(parsed.map(sign))
}

/**
 * Signs what a customer has bought, with the app maker's key: a compact JWS of type `ocelli-grant+jwt`.
 * Throws TypeError when the claims make no grant (SUBSCRIPTION without `term`, another type with one, `qty` below 1).
 */
export async function signGrant(options: { key: PrivateLicenseKey; claims: GrantClaims }): Promise<string> {
  return await signClaims('ocelli-grant+jwt', parseGrantClaims({ ...options.claims }), options.key)
}

/**
 * Signs the manifest of a bundle with the platform's signing key: a compact JWS of type `ocelli-bundle+jwt`. Throws
 * TypeError when the claims contradict themselves, RangeError when the manifest gets longer than 32 MiB.
 */
export async function signBundle(options: { key: PrivateLicenseKey; claims: BundleClaims }): Promise<string> {
  return await signClaims('ocelli-bundle+jwt', parseBundleClaims({ ...options.claims }), options.key)
}

/**
 * Signs what was done to cameras, with a key enrolled to the one who reports it: a compact JWS of type
 * `ocelli-receipt+jwt`. Throws TypeError when the claims make no receipt, RangeError above 4 MiB.
 */
export async function signReceipt(options: { key: PrivateLicenseKey; claims: ReceiptClaims }): Promise<string> {
  return await signClaims('ocelli-receipt+jwt', parseReceiptClaims({ ...options.claims }), options.key)
}

/**
 * Lets the root key vouch for a signing key and gives a compact JWS of type `ocelli-key+jwt`. `issuedAt` is in seconds
 * since 1970. Only public members are written: those of `subject`, and those of the root, by which a verifier that
 * knows no more than the root's thumbprint gets the key. Throws TypeError for a key whose `kid` is not its thumbprint.
 */
export async function certifyKey(options: {
  root: PrivateLicenseKey
  subject: PublicLicenseKey
  issuedAt: number
}): Promise<string> {
  const subject = await parsePublicKey(options.subject)
  if (subject === null) throw new TypeError('The subject is not an Ed25519 key with its thumbprint as kid.')
  const root = await parsePublicKey(toPublicKey(options.root))
  if (root === null) throw new TypeError('The root is not an Ed25519 key with its thumbprint as kid.')
  if (!Number.isSafeInteger(options.issuedAt) || options.issuedAt < 0) {
    throw new TypeError('issuedAt must be whole seconds since 1970.')
  }
  const sign = await openSigner('ocelli-key+jwt', options.root)
  return await sign({ sub: subject.kid, jwk: subject, iat: options.issuedAt, root })
}

async function signClaims(type: JwsType, claims: object | string, key: PrivateLicenseKey): Promise<string> {
  if (typeof claims === 'string') throw new TypeError(claims)
  const sign = await openSigner(type, key)
  return await sign(claims)
}
