import type {
  AppConfiguration,
  DesiredApp,
  InstallationError,
  LicenseCheckedBy,
  LicensePlacement,
  RunningState,
  Step,
} from '@ocelli/contract'
import { type InstalledApp, toRunningState } from '@ocelli/driver'
import type { StepFindings } from './executor.ts'
import type { Action } from './planner.ts'
import { isInPlace } from './version-in-place.ts'

/** What the gateway remembers of one revision of one app. On disk before a step begins and after it ended. */
export interface Attempt {
  revision: number
  /** What the first observation showed; null until there was one. `isUpdate`: another version was there. */
  began: { isPresent: boolean; isUpdate: boolean; runningState: RunningState } | null
  /** The step begun last; null while nothing was begun. */
  step: Step | null
  /** How often each step was carried out to its end; a START whose app fell back counts too. */
  done: Partial<Record<Step, number>>
  /** Failed tries of `step` in a row. */
  failures: number
  /** What the app wrote into the camera's log before the last failure; kept for an error that is told later. */
  appLog?: string | null
  /**
   * The app is removed so that another version can be installed: on disk before the removal begins. `configuration` is null
   * until the version that follows is there and has got back what was saved.
   */
  reinstall?: { configuration: AppConfiguration | null } | null
  /** Final error, while something is still to be put back before it is told. */
  error: InstallationError | null
  outcome: { phase: 'CONVERGED' | 'FAILED'; error: InstallationError | null } | null
}

/** What outlives a revision: which package the version on the camera came from, and the license it was given. */
export interface AppMemory {
  attempt: Attempt | null
  installed: InstalledPackage | null
  license: PlacedLicense | null
}

export interface PlacedLicense {
  licenseId: string
  /** An upload that takes it away has begun: until it has ended, nobody knows whether it is there. */
  isInDoubt?: boolean
  /** This camera has listed a license of the app since. */
  wasListed: boolean
  renewal?: number
  checkedBy?: LicenseCheckedBy
  /** Where it lies; null: where the camera keeps licenses. Absent: placed by a gateway that did not note it. */
  placement?: LicensePlacement | null
}

export interface InstalledPackage {
  packageId: string
  version: string
  versionCode: number
  /** The version in the camera's own words. */
  listedAs: string | null
}

export const emptyMemory: AppMemory = { attempt: null, installed: null, license: null }

export const newAttempt = (revision: number): Attempt => ({
  revision,
  began: null,
  step: null,
  done: {},
  failures: 0,
  error: null,
  outcome: null,
})

/** The attempt at this entry: the present one, or a new one for a greater revision. A lower revision changes nothing. */
export function openAttempt(memory: AppMemory, entry: DesiredApp): AppMemory {
  const before = memory.attempt
  if (entry.settled || (before && before.revision >= entry.revision)) return memory
  return { ...memory, attempt: { ...newAttempt(entry.revision), ...inherited(before) } }
}

/**
 * An update that is overtaken by another wish has stopped the app already: what the camera shows now is our own doing,
 * so the running state to end with is the one the overtaken attempt began with, as it is when a failed start is tried again. The same holds for an app that was
 * removed for another version and is not back yet, also after a failure.
 */
function inherited(before: Attempt | null): Partial<Attempt> {
  if (!before) return {}
  const isOpenUpdate = hasNotEndedAsItBegan(before) && before.began?.isUpdate === true
  const isOpenReinstall = before.reinstall?.configuration === null && before.outcome?.phase !== 'CONVERGED'
  return {
    ...(isOpenUpdate || isOpenReinstall ? { began: before.began } : {}),
    ...(isOpenReinstall ? { reinstall: before.reinstall } : {}),
  }
}

/** Overtaken in the middle, or at its end the app could not be started again. */
const hasNotEndedAsItBegan = ({ outcome, step }: Attempt): boolean =>
  outcome === null ? step !== null : outcome.phase === 'FAILED' && step === 'START'

/** Writes down what the camera showed when the attempt began; later observations change nothing. */
export function noteBeginning(memory: AppMemory, entry: DesiredApp, app: InstalledApp | null): AppMemory {
  const { attempt } = memory
  if (!attempt || attempt.began || attempt.revision !== entry.revision) return memory
  const isUpdate = app !== null && entry.package !== null && !isInPlace(entry.package, app, memory.installed)
  const runningState = app ? toRunningState(app.state) : 'NOT_RUNNING'
  return { ...memory, attempt: { ...attempt, began: { isPresent: app !== null, isUpdate, runningState } } }
}

export const isUnsettled = (memory: AppMemory | undefined, entry: DesiredApp): boolean =>
  !entry.settled && (!memory?.attempt || memory.attempt.revision < entry.revision || memory.attempt.outcome === null)

/** A step of this revision has begun and it is not settled: its deadline runs. */
export const isBegun = (memory: AppMemory | undefined, entry: DesiredApp): boolean =>
  isUnsettled(memory, entry) && memory?.attempt?.revision === entry.revision && memory.attempt.step !== null

export function stepBegun(attempt: Attempt, { kind, step }: Pick<Action, 'kind' | 'step'>): Attempt {
  const begun = { ...attempt, step, failures: attempt.step === step ? attempt.failures : 0 }
  return kind === 'make-way' ? { ...begun, reinstall: attempt.reinstall ?? { configuration: null } } : begun
}

/** What is known of the license once an upload has begun: a kill inside leaves the new version, and no word that it came. */
export function licenseDuring(memory: AppMemory, { kind }: Pick<Action, 'kind'>): AppMemory['license'] {
  const { license } = memory
  if (kind !== 'upload' || license === null || licenseAfter(memory) !== null) return license
  return { ...license, isInDoubt: true }
}

/** What a finished step changes: its count, and what is known about package and license on the camera. */
export function stepDone(memory: AppMemory, action: Action, findings: StepFindings): AppMemory {
  const { attempt } = memory
  if (!attempt) return memory
  const isRestore = action.kind === 'start' && action.isRestore
  const counted: Attempt = {
    ...attempt,
    failures: 0,
    done: { ...attempt.done, [action.step]: (attempt.done[action.step] ?? 0) + 1 },
    // A step that went well after a time-out proves that the camera goes on.
    error: isRestore ? attempt.error : null,
    ...(findings.configuration ? { reinstall: { configuration: findings.configuration } } : {}),
  }
  return { ...memory, attempt: counted, ...learned(memory, action, findings) }
}

function learned(memory: AppMemory, action: Action, findings: StepFindings): Partial<AppMemory> {
  const { app, licenseCheckedBy, licensePlacement } = findings
  switch (action.kind) {
    case 'upload': {
      const { packageId, version, versionCode } = action.package
      const installed = { packageId, version, versionCode, listedAs: app?.version ?? version }
      return { installed, license: licenseAfter(memory) }
    }
    case 'license':
      return {
        license: {
          ...{ licenseId: action.licenseId, wasListed: false, renewal: action.renewal },
          ...(licenseCheckedBy === undefined ? {} : { checkedBy: licenseCheckedBy }),
          ...(licensePlacement === undefined ? {} : { placement: licensePlacement }),
        },
      }
    case 'take-license':
      return { license: null }
    case 'make-way':
    case 'uninstall':
      return { installed: null, license: null }
    default:
      return {}
  }
}

/**
 * A fresh installation starts without licenses, and an update may forget them (AXIS OS 5 deletes the app's folder). The camera's own list
 * shows whether its key is still there; nothing shows what became of a license that the app keeps, so that one is placed again.
 */
function licenseAfter({ license, attempt }: AppMemory): AppMemory['license'] {
  const isFresh = !attempt?.began?.isPresent || attempt.reinstall?.configuration === null
  return isFresh || license?.checkedBy === 'APP' ? null : license
}

/** A try that failed: again later when `isFinal` is false, else the attempt is over once things are put back. */
export function stepFailed(
  attempt: Attempt,
  action: Action,
  failure: { error: InstallationError; isFinal: boolean },
): Attempt {
  if (action.kind === 'start' && action.isRestore) return attempt
  const fellBack = failure.error.code === 'app-fell-back'
  const done = fellBack ? { ...attempt.done, START: (attempt.done.START ?? 0) + 1 } : attempt.done
  const { appLog = attempt.appLog } = failure.error
  return {
    ...{ ...attempt, done, failures: attempt.failures + 1, error: failure.isFinal ? failure.error : null },
    ...(appLog ? { appLog } : {}),
  }
}

/** Settles the attempt. A converged one remembers whether this camera lists the license it was given. */
export function settle(
  memory: AppMemory,
  outcome: NonNullable<Attempt['outcome']>,
  app: InstalledApp | null = null,
): AppMemory {
  if (!memory.attempt) return memory
  const wasListed = memory.license !== null && (memory.license.wasListed || (app?.licenses.length ?? 0) > 0)
  const license = memory.license && { ...memory.license, wasListed }
  return { ...memory, license, attempt: { ...memory.attempt, outcome } }
}
