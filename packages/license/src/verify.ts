import { type LicenseClaims, parseClaims } from './claims.ts'
import { type GrantClaims, latestEnd } from './grant-claims.ts'
import { parseJws } from './jws.ts'
import type { PublicLicenseKey } from './keys.ts'
import { findSigningKeys } from './license-chain.ts'
import { splitLicenseFile } from './license-file.ts'
import { openSigned, type StatementKind } from './signed-claims.ts'

/**
 * Why a license does not hold. With maker keys also: the file carries no grant; the grant is for another app, license
 * type or platform; the license ends later than the grant allows.
 */
export type LicenseRefusal =
  | 'expired'
  | 'other-device'
  | 'other-app'
  | 'unknown-key'
  | 'damaged'
  | 'no-grant'
  | 'grant-other-app'
  | 'grant-other-type'
  | 'grant-other-platform'
  | 'grant-exceeded'

/**
 * `clock-unreliable`: the clock is missing or earlier than the license itself, so an end could not be judged.
 * `grant` is what the verdict rests on when a maker's key was asked. `claims` of a refused license are given only when
 * its signature held.
 */
export type LicenseVerification =
  | {
      valid: true
      claims: LicenseClaims
      clock: 'ok' | 'clock-unreliable'
      keyId: string
      grant: GrantClaims | null
    }
  | { valid: false; reason: LicenseRefusal; detail: string; claims: LicenseClaims | null }

/**
 * What the verifier stands on. `trust` holds root keys or signing keys of platforms, `makers` keys of the app's maker;
 * one of either is enough, and a license that `trust` holds for needs no grant. `now` is null on a camera without a
 * clock.
 */
export interface VerifyOptions {
  trust?: readonly PublicLicenseKey[]
  makers?: readonly PublicLicenseKey[]
  deviceId: string
  appId: string
  now: Date | null
}

const licenseKind: StatementKind<LicenseClaims> = {
  type: 'ocelli-license+jwt',
  name: 'The license',
  read: parseClaims,
}

/**
 * Judges a license file or a bare token, without a network. A key in `trust` verifies what it signed itself, or, as a
 * root, licenses of a signing key whose certificate the file carries. A key in `makers` verifies the grant in the file,
 * which names the root, which certifies the signing key. FULL licenses never fail for a clock; TRIAL and SUBSCRIPTION
 * are `expired` from `exp` on when the clock can be right (not earlier than `iat`). Never throws for any text; rejects
 * only when a key in `trust` or `makers` is itself no Ed25519 key.
 */
export async function verifyLicense(text: string, options: VerifyOptions): Promise<LicenseVerification> {
  const { trust = [], makers = [] } = options
  const file = splitLicenseFile(text)
  if (typeof file === 'string') return refused('damaged', file)
  const parsed = parseJws(file.token, licenseKind.type)
  if (parsed.kind === 'damaged') return refused('damaged', `The license token is damaged. ${parsed.detail}`)
  const chain = await findSigningKeys(file, parsed.jws.kid, { trust, makers })
  if (chain.kind === 'refused') return refused(chain.reason, chain.detail)
  const opened = await openSigned(parsed.jws, licenseKind, chain.keys)
  if (opened.kind === 'refused') return refused(opened.reason, opened.detail)
  const { claims, keyId } = opened
  return (
    findOtherSubject(claims, options) ??
    (chain.grant === null ? null : findExcess(claims, chain.grant)) ??
    judgeTime(claims, options.now, { keyId, grant: chain.grant })
  )
}

function findOtherSubject(claims: LicenseClaims, options: VerifyOptions): LicenseVerification | null {
  if (claims.sub !== options.deviceId) {
    return refused('other-device', `The license is for device ${claims.sub}, this is ${options.deviceId}.`, claims)
  }
  if (claims.app !== options.appId) {
    return refused('other-app', `The license is for app ${claims.app}, this is ${options.appId}.`, claims)
  }
  return null
}

/** A platform's owner holds its keys and can sign anything: a license counts only within what the maker granted. */
function findExcess(claims: LicenseClaims, grant: GrantClaims): LicenseVerification | null {
  if (grant.app !== claims.app) {
    return refused('grant-other-app', `The grant is for app ${grant.app}, the license for ${claims.app}.`, claims)
  }
  if (grant.typ !== claims.typ) {
    return refused('grant-other-type', `The grant is for ${grant.typ} licenses, this one is ${claims.typ}.`, claims)
  }
  const end = latestEnd(grant, claims)
  if (end !== null && (claims.exp === undefined || claims.exp > end)) {
    const detail = `The license lasts until second ${claims.exp} since 1970 (UTC), the grant allows ${end} at most.`
    return refused('grant-exceeded', detail, claims)
  }
  return null
}

function judgeTime(
  claims: LicenseClaims,
  now: Date | null,
  { keyId, grant }: { keyId: string; grant: GrantClaims | null },
): LicenseVerification {
  // NaN (no clock, or one that is no date) compares false, and so counts as unreliable.
  const nowSeconds = now === null ? Number.NaN : now.getTime() / 1000
  // `exp` is later than `iat`, so a clock that has reached it can be right.
  if (claims.exp !== undefined && nowSeconds >= claims.exp) {
    return refused('expired', `The license ended at second ${claims.exp} since 1970 (UTC).`, claims)
  }
  return { valid: true, claims, clock: nowSeconds >= claims.iat ? 'ok' : 'clock-unreliable', keyId, grant }
}

function refused(reason: LicenseRefusal, detail: string, claims: LicenseClaims | null = null): LicenseVerification {
  return { valid: false, reason, detail, claims }
}
