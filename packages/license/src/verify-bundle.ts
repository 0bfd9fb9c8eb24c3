import { type BundleClaims, parseBundleClaims } from './bundle-claims.ts'
import { parseJws } from './jws.ts'
import { isCertifiedBy, parseKeyCertificate } from './key-certificate.ts'
import type { PublicLicenseKey } from './keys.ts'
import { openSigned, type StatementKind } from './signed-claims.ts'

/** Why a bundle does not hold. `unknown-key`: another root than the trusted one, or not signed by the certified key. */
export type BundleRefusal = 'expired' | 'unknown-key' | 'damaged'

/**
 * `clock-unreliable`: the clock is missing or earlier than the bundle itself, so its end could not be judged. `root` is
 * the platform's root key: the one to verify the licenses of the bundle with.
 */
export type BundleVerification =
  | { valid: true; claims: BundleClaims; clock: 'ok' | 'clock-unreliable'; keyId: string; root: PublicLicenseKey }
  | { valid: false; reason: BundleRefusal; detail: string; claims: BundleClaims | null }

const bundleKind: StatementKind<BundleClaims> = {
  type: 'ocelli-bundle+jwt',
  name: 'The bundle',
  read: parseBundleClaims,
}

/**
 * Judges a bundle's manifest: signed by a key that the platform's root certifies, and not past its `exp`.
 * `rootThumbprint` must come from elsewhere than the bundle, whose own keys prove nothing. The packages are bound by the
 * SHA-256 in the manifest, which the caller compares. Never throws for any text.
 */
export async function verifyBundle(
  manifest: string,
  options: { keyCertificate: string; rootThumbprint: string; now: Date | null },
): Promise<BundleVerification> {
  const parsed = parseJws(manifest, bundleKind.type)
  if (parsed.kind === 'damaged') return refused('damaged', `The bundle is damaged. ${parsed.detail}`)
  const certificate = await parseKeyCertificate(options.keyCertificate)
  if (typeof certificate === 'string') return refused('damaged', certificate)
  const { rootId, root, key } = certificate
  if (rootId !== options.rootThumbprint) {
    return refused('unknown-key', `The bundle comes from root key ${rootId}, trusted is ${options.rootThumbprint}.`)
  }
  if (root === null) return refused('damaged', 'The key certificate does not carry the key of the root.')
  if (!(await isCertifiedBy(certificate, [root]))) {
    return refused('damaged', 'The signature of the key certificate does not match.')
  }
  if (key.kid !== parsed.jws.kid) {
    return refused(
      'unknown-key',
      `The key certificate is for key ${key.kid}, the bundle is signed by ${parsed.jws.kid}.`,
    )
  }
  const opened = await openSigned(parsed.jws, bundleKind, [key])
  if (opened.kind === 'refused') return refused(opened.reason, opened.detail)
  const { claims, keyId } = opened
  // NaN (no clock, or one that is no date) compares false, and so counts as unreliable.
  const nowSeconds = options.now === null ? Number.NaN : options.now.getTime() / 1000
  if (nowSeconds >= claims.exp) {
    return refused('expired', `The bundle ended at second ${claims.exp} since 1970 (UTC).`, claims)
  }
  return { valid: true, claims, clock: nowSeconds >= claims.iat ? 'ok' : 'clock-unreliable', keyId, root }
}

function refused(reason: BundleRefusal, detail: string, claims: BundleClaims | null = null): BundleVerification {
  return { valid: false, reason, detail, claims }
}
