import type { GrantClaims } from './grant-claims.ts'
import { isCertifiedBy, type KeyCertificate, parseKeyCertificate } from './key-certificate.ts'
import type { PublicLicenseKey } from './keys.ts'
import type { LicenseFile } from './license-file.ts'
import { openStatement } from './signed-claims.ts'
import { grantKind } from './verify-grant.ts'

export type ChainRefusal = 'unknown-key' | 'damaged' | 'no-grant' | 'grant-other-platform'

/** The keys that may have signed a license, and the grant that this rests on when a maker's key was asked. */
export type Chain =
  | { kind: 'keys'; keys: readonly PublicLicenseKey[]; grant: GrantClaims | null }
  | { kind: 'refused'; reason: ChainRefusal; detail: string }

/**
 * Finds the keys that may have signed the token: trusted ones of that id, else the certified one, when the root is
 * trusted or when the grant of a trusted maker names it.
 */
export async function findSigningKeys(
  file: LicenseFile,
  signerId: string,
  options: { trust: readonly PublicLicenseKey[]; makers: readonly PublicLicenseKey[] },
): Promise<Chain> {
  const direct = options.trust.filter((key) => key.kid === signerId)
  if (direct.length > 0) return { kind: 'keys', keys: direct, grant: null }
  if (file.keyCertificate === null) {
    return refused('unknown-key', `The license is signed by key ${signerId}, which is not trusted here.`)
  }
  const certificate = await parseKeyCertificate(file.keyCertificate)
  if (typeof certificate === 'string') return refused('damaged', certificate)
  const roots = options.trust.filter((key) => key.kid === certificate.rootId)
  if (roots.length > 0) return await follow(certificate, { roots, signerId, grant: null })
  if (options.makers.length === 0) {
    return refused('unknown-key', `The license comes from root key ${certificate.rootId}, which is not trusted here.`)
  }
  if (file.grant === null) {
    return refused(
      'no-grant',
      'The license carries no grant of the app maker. Import one on the platform that made it.',
    )
  }
  const grant = await openStatement(file.grant, grantKind, options.makers)
  if (grant.kind === 'refused') return grant
  if (grant.claims.root !== certificate.rootId) {
    const detail = `The grant is for the platform of root key ${grant.claims.root}, the license comes from ${certificate.rootId}.`
    return refused('grant-other-platform', detail)
  }
  if (certificate.root === null) {
    return refused(
      'unknown-key',
      'The key certificate does not carry the key of the root. Make the license file again.',
    )
  }
  return await follow(certificate, { roots: [certificate.root], signerId, grant: grant.claims })
}

async function follow(
  certificate: KeyCertificate,
  { roots, signerId, grant }: { roots: readonly PublicLicenseKey[]; signerId: string; grant: GrantClaims | null },
): Promise<Chain> {
  if (!(await isCertifiedBy(certificate, roots))) {
    return refused('damaged', 'The signature of the key certificate does not match.')
  }
  const { key } = certificate
  if (key.kid !== signerId) {
    return refused('unknown-key', `The key certificate is for key ${key.kid}, the license is signed by ${signerId}.`)
  }
  return { kind: 'keys', keys: [key], grant }
}

function refused(reason: ChainRefusal, detail: string): Chain {
  return { kind: 'refused', reason, detail }
}
