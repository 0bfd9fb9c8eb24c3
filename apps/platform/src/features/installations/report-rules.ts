import type { AppConfiguration, AppReport, InstallationError, Work } from '@ocelli/contract'
import { applyDrift } from './drift-rules.ts'
import { waitingSeconds } from './first-deadline.ts'
import type { InstallationRow } from './situation.ts'

/** Grace of the platform's deadline beyond what the gateway says it needs. */
const graceSeconds = 300

export type Observed = Pick<AppReport, 'present' | 'version' | 'runningState'> & { versionCode: number | null }

export interface ReportedApp {
  /** Null: the camera's list was not read this time. */
  observed: Observed | null
  work: Work | null
}

export interface Surroundings {
  /** Version that the wish's package has. */
  targetVersion: string | null
  targetVersionCode: number | null
  /** Package of the version that is now on the camera, when we published it. */
  observedPackageId: string | null
  licenseState: 'RESERVED' | 'VALID' | null
  /** A license of the pair was given back, and it holds no other. */
  wasGivenBack: boolean
  repair: 'request' | 'auto'
}

export interface Outcome {
  row: InstallationRow
  /** Seconds from now; null: none. Left out: as it was. */
  deadlineInSeconds?: number | null
  /** A wish was changed by the platform itself: the device's revision is raised and stamped on the row. */
  newRevision: boolean
  license: 'keep' | 'release' | 'replace-others'
  licenseConflict: boolean
  /** The app was removed and installed anew for this wish, with this end of its configuration. */
  reinstalled?: AppConfiguration
}

/** What one report does to an installation (rules.md sections 1 and 2). Pure: time and database stay outside. */
export function applyAppReport(before: InstallationRow, report: ReportedApp, around: Surroundings): Outcome {
  const row: InstallationRow = observe(before, report.observed)
  const outcome: Outcome = { row, newRevision: false, license: 'keep', licenseConflict: false }
  const { work } = report
  if (isRemovedAfterAll(before, report.observed)) return converge({ ...outcome, row: { ...row, presence: 'ABSENT' } })
  if (work && work.revision === before.revision && before.presence !== null && !isToldAgain(before, report)) {
    return applyWork(outcome, { before, work, around, isListed: report.observed !== null })
  }
  if (work && isLateSuccess(before, work, row)) return revive(outcome)
  if (before.presence === null) return applyUnwished(outcome, { before, observed: report.observed, around })
  if (before.settled && report.observed) return applyDrift(outcome, { before, around })
  return outcome
}

/** The platform's own deadline has passed, or a queued wish was never carried out. */
export function applyDeadline(
  before: InstallationRow,
  { error, around }: { error: InstallationError; around: Surroundings },
): Outcome {
  return fail(
    { row: { ...before, progress: null }, newRevision: false, license: 'keep', licenseConflict: false },
    { error, step: null, around },
  )
}

function observe(before: InstallationRow, observed: Observed | null): InstallationRow {
  if (!observed) return { ...before }
  return {
    ...before,
    present: observed.present,
    installedVersion: observed.present ? observed.version : null,
    installedVersionCode: observed.present ? observed.versionCode : null,
    runningState: observed.present ? observed.runningState : 'UNKNOWN',
  }
}

/**
 * A gateway tells the outcome with every report for as long as the wish stands. What its camera lists after that is the
 * news: only where the platform gave up first does the outcome still count.
 */
function isToldAgain(before: InstallationRow, { observed, work }: ReportedApp): boolean {
  if (!before.settled || before.presence !== 'PRESENT') return false
  return work?.phase !== 'CONVERGED' || before.error === null || !observed?.present
}

/** A removal that was given up, and an app that is gone now: the wish has come true, and the unit returns. */
const isRemovedAfterAll = (before: InstallationRow, observed: Observed | null): boolean =>
  before.settled && before.installationState === 'UNINSTALL_FAILED' && observed?.present === false

function applyWork(
  outcome: Outcome,
  { before, work, around, isListed }: { before: InstallationRow; work: Work; around: Surroundings; isListed: boolean },
): Outcome {
  const { row } = outcome
  switch (work.phase) {
    case 'WAITING':
      if (before.settled) return outcome
      row.queued = false
      return { ...outcome, deadlineInSeconds: waitingSeconds }
    case 'WORKING':
      if (before.settled) return outcome
      row.queued = false
      row.installationState = stateAtWork(before, work)
      row.progress = work.step ? { step: work.step, percent: work.percent, deadlineAt: null } : null
      return { ...outcome, deadlineInSeconds: (work.stepSecondsLeft ?? 0) + graceSeconds }
    case 'CONVERGED':
      if (!isListed && before.presence === 'PRESENT') assumeTarget(row, around)
      return {
        ...converge(outcome),
        ...(!before.settled && work.configuration ? { reinstalled: work.configuration } : {}),
      }
    case 'FAILED':
      if (before.settled) return outcome
      return fail(outcome, { error: work.error ?? unexplained, step: work.step, around })
  }
}

function stateAtWork(before: InstallationRow, { step }: Work): InstallationRow['installationState'] {
  if (before.presence === 'ABSENT')
    return before.installationState === 'INSTALLATION_FAILED' ? 'INSTALLATION_FAILED' : 'UNINSTALLING'
  const isFirst = ['PENDING', 'DOWNLOADING', 'INSTALLING'].includes(before.installationState)
  if (!isFirst) return before.installationState
  return step === 'DOWNLOAD' ? 'DOWNLOADING' : step === null ? before.installationState : 'INSTALLING'
}

/** The camera showed the wished version to the gateway, and the next wish came before the list could be told. */
function assumeTarget(row: InstallationRow, { targetVersion, targetVersionCode }: Surroundings): void {
  row.present = true
  row.installedVersion = targetVersion ?? row.installedVersion
  row.installedVersionCode = targetVersionCode ?? row.installedVersionCode
  row.runningState = row.desiredRunningState ?? row.runningState
}

function converge(outcome: Outcome): Outcome {
  const { row } = outcome
  row.settled = true
  row.queued = false
  row.progress = null
  row.drift = null
  row.allowDowngrade = false
  if (row.presence === 'ABSENT') {
    // CONVERGED of an ABSENT entry is the camera's own confirmation: the unit returns
    row.presence = null
    row.present = false
    row.installedVersion = null
    row.installedVersionCode = null
    row.runningState = 'UNKNOWN'
    row.packageId = null
    row.desiredRunningState = null
    row.licenseId = null
    if (row.installationState !== 'INSTALLATION_FAILED') {
      row.installationState = 'NOT_INSTALLED'
      row.error = null
    }
    row.managed = row.error !== null
    return { ...outcome, deadlineInSeconds: null, license: 'release' }
  }
  row.installationState = 'INSTALLED'
  row.error = null
  return { ...outcome, deadlineInSeconds: null, license: 'replace-others' }
}

function fail(
  outcome: Outcome,
  { error, step, around }: { error: InstallationError; step: Work['step']; around: Surroundings },
): Outcome {
  const { row } = outcome
  row.settled = true
  row.queued = false
  row.progress = null
  row.error = error
  // said for this wish alone: what is repaired later goes below no version
  row.allowDowngrade = false
  if (row.presence === 'ABSENT') {
    if (row.installationState === 'INSTALLATION_FAILED') return { ...outcome, deadlineInSeconds: null }
    row.installationState = 'UNINSTALL_FAILED'
    row.presence = 'PRESENT'
    return { ...outcome, deadlineInSeconds: null }
  }
  if (row.installationState === 'UPDATING') {
    row.installationState = 'UPDATE_FAILED'
    // removed for another version that was refused then
    if (!row.present) row.drift = 'REMOVED'
    row.packageId = around.observedPackageId ?? row.packageId
    return { ...outcome, deadlineInSeconds: null }
  }
  if (row.installationState === 'INSTALLED' || ((step === 'START' || step === 'STOP') && row.present)) {
    row.installationState = 'INSTALLED'
    row.desiredRunningState = null
    return { ...outcome, deadlineInSeconds: null }
  }
  // a first install that failed for good: whatever is there goes, and a unit that left the platform returns with it
  row.installationState = 'INSTALLATION_FAILED'
  row.presence = 'ABSENT'
  row.desiredRunningState = null
  if (around.licenseState === 'RESERVED') row.licenseId = null
  return {
    ...outcome,
    deadlineInSeconds: null,
    newRevision: true,
    license: around.licenseState === 'RESERVED' ? 'release' : 'keep',
  }
}

/** A first install that the platform gave up on and that then turned out well, with its license still held. */
function isLateSuccess(before: InstallationRow, work: Work, row: InstallationRow): boolean {
  return (
    before.installationState === 'INSTALLATION_FAILED' &&
    before.presence === 'ABSENT' &&
    before.error?.code === 'no-outcome-in-time' &&
    before.licenseId !== null &&
    work.phase === 'CONVERGED' &&
    work.revision < before.revision &&
    row.present
  )
}

function revive(outcome: Outcome): Outcome {
  const { row } = outcome
  row.presence = 'PRESENT'
  row.installationState = 'INSTALLED'
  row.error = null
  return { ...outcome, newRevision: true }
}

/** Apps nobody asked us for, and those whose removal is done. */
function applyUnwished(
  outcome: Outcome,
  { before, observed, around }: { before: InstallationRow; observed: Observed | null; around: Surroundings },
): Outcome {
  const { row } = outcome
  if (!observed) return outcome
  if (observed.present) {
    row.installationState = 'INSTALLED'
    row.managed = false
    // an app that is there again may run on the license that was given back
    return { ...outcome, licenseConflict: !before.present && (before.managed || around.wasGivenBack) }
  }
  if (row.installationState === 'INSTALLED') row.installationState = 'NOT_INSTALLED'
  return outcome
}

const unexplained: InstallationError = {
  category: 'internal',
  code: 'unexplained',
  detail: 'The gateway reported a failure without a reason.',
  deviceCode: null,
  retryable: true,
  at: '1970-01-01T00:00:00Z',
}
