import type { Connectivity, InstallationError } from '@ocelli/contract'
import { acceptedWithinSeconds, queueDays } from './first-deadline.ts'
import type { LockedInstallation } from './installation-batch.ts'
import { applyDeadline, type Outcome } from './report-rules.ts'

export interface LicensedInstallation extends LockedInstallation {
  connectivity: Connectivity
  /** Another license that the pair holds and that goes on; null when there is none. */
  otherLicenseId: string | null
}

/** What people and programs are told of an app whose license has ended. */
export function licenseExpired(at: string): InstallationError {
  return {
    category: 'license',
    code: 'license-expired',
    detail: 'The license of this app has expired. Renew it, or install the app with another license.',
    deviceCode: null,
    retryable: false,
    at,
  }
}

/**
 * What the end of its license does to an installation, as a stop request would. Pure. Null: nothing.
 *
 * | now | becomes |
 * | --- | --- |
 * | not wished for, or on its way off | nothing |
 * | the pair holds another license | that one is placed |
 * | first install under way | INSTALLATION_FAILED, what is there is removed |
 * | stopped, and so wished for | nothing |
 * | removed to be installed in an older version | that goes on, with a wish for NOT_RUNNING |
 * | removed by somebody | stays away; NOT_RUNNING is noted for when it is back |
 * | anything else | a wish for NOT_RUNNING; queued while the device is away |
 */
export function applyExpiry(before: LicensedInstallation, at: string): Outcome | null {
  if (before.presence !== 'PRESENT') return null
  if (before.otherLicenseId !== null) return newWish(before, { licenseId: before.otherLicenseId })
  const isAwayForOlder = before.installationState === 'UPDATING'
  if (!before.settled && !before.present && before.drift !== 'REMOVED' && !isAwayForOlder) {
    const around = {
      ...{ targetVersion: null, targetVersionCode: before.targetVersionCode, observedPackageId: null },
      ...{ licenseState: null, wasGivenBack: false, repair: 'request' as const },
    }
    return applyDeadline(before, { error: licenseExpired(at), around })
  }
  if (before.desiredRunningState === 'NOT_RUNNING' && (before.runningState === 'NOT_RUNNING' || !before.settled)) {
    return null
  }
  return newWish(before, { desiredRunningState: 'NOT_RUNNING' })
}

/**
 * What a declared release of its license does to an installation. Pure. Null: nothing.
 *
 * | now | becomes |
 * | --- | --- |
 * | not wished for, or on its way off | nothing |
 * | the pair holds another license | that one is placed |
 * | the camera answers | a wish without a license: the one given back is taken away, the app stays as it is |
 * | the camera is away | nothing, since a release is declared for cameras that confirm nothing; the next wish takes it away |
 */
export function applyRelease(before: LicensedInstallation): Outcome | null {
  const { presence, connectivity, otherLicenseId } = before
  if (presence !== 'PRESENT' || (otherLicenseId === null && connectivity !== 'ONLINE')) return null
  return newWish(before, { licenseId: otherLicenseId })
}

/** A renewed license is placed again; an app that was stopped because the old one ended is started again. */
export function applyRenewal(before: LicensedInstallation, { restart }: { restart: boolean }): Outcome | null {
  if (before.presence !== 'PRESENT') return null
  return newWish(before, restart ? { desiredRunningState: 'RUNNING' } : {})
}

/**
 * An app that somebody has removed is put back by a request alone (rules.md section 1): what has changed is noted, and counts
 * then, or when the app is there again.
 */
function newWish(
  before: LicensedInstallation,
  changes: Partial<Pick<LockedInstallation, 'licenseId' | 'desiredRunningState'>>,
): Outcome {
  const unchanged = { newRevision: false, license: 'keep' as const, licenseConflict: false }
  if (before.settled && before.drift === 'REMOVED') return { ...unchanged, row: { ...before, ...changes } }
  const queued = before.connectivity !== 'ONLINE'
  return {
    ...unchanged,
    row: { ...before, ...changes, settled: false, queued, progress: null, error: null },
    newRevision: true,
    deadlineInSeconds: queued ? queueDays * 86_400 : acceptedWithinSeconds,
  }
}
