import type {
  AppDowngrade,
  DesiredApp,
  DesiredRunningState,
  InstallationError,
  LicensePlacement,
} from '@ocelli/contract'
import { type InstalledApp, toRunningState } from '@ocelli/driver'
import type { AppMemory, Attempt } from './attempt.ts'
import { isDowngrade, isInPlace } from './version-in-place.ts'

type PackageRef = NonNullable<DesiredApp['package']>

/** One thing to do on one camera. `step` is what people are told. */
export type Action =
  | { kind: 'download'; step: 'DOWNLOAD'; package: PackageRef }
  | { kind: 'upload'; step: 'UPLOAD'; package: PackageRef }
  /** `replaced`: where the license before it lies; undefined: there was none, or nobody remembers. */
  | { kind: 'license'; step: 'LICENSE'; licenseId: string; renewal: number; replaced?: LicensePlacement | null }
  | { kind: 'take-license'; step: 'LICENSE'; placement: LicensePlacement | null }
  | { kind: 'start'; step: 'START'; isRestore: boolean }
  | { kind: 'stop'; step: 'STOP' }
  | { kind: 'uninstall'; step: 'UNINSTALL' }
  /** Removes an app for an older version of it; its configuration is saved first. */
  | { kind: 'make-way'; step: 'UNINSTALL'; isLastTry: boolean }
  /** Gives the saved configuration back. */
  | { kind: 'restore'; step: 'INSTALL'; isLastTry: boolean }
  | { kind: 'await-camera'; step: 'INSTALL' | 'UNINSTALL' }

type PlannedError = Omit<InstallationError, 'at'>

type AppPlan = { appId: string; revision: number } & (
  | { kind: 'settled' }
  | { kind: 'settle'; phase: 'CONVERGED'; error: null }
  | { kind: 'settle'; phase: 'FAILED'; error: PlannedError }
  | { kind: 'act'; action: Action }
)

export interface PlanInput {
  desired: readonly DesiredApp[]
  observed: readonly InstalledApp[]
  /** By app id; the attempts of these entries are open and have noted their beginning. */
  memory: ReadonlyMap<string, AppMemory>
  /** Package ids that lie checked on the gateway's disk. */
  packagesOnDisk: ReadonlySet<string>
  /** Apps whose next try is not due yet. */
  backingOff: ReadonlySet<string>
  /** How this camera gets an older version of an app. */
  downgrade: AppDowngrade
  /** The camera's protocol can take a license away. */
  canTakeLicense: boolean
}

export interface Plan {
  apps: AppPlan[]
  /** The one thing to do now, since a camera gets one request at a time; begun work first, then the oldest wish. */
  next: { appId: string; action: Action } | null
}

/** Failures after which a configuration is given up; the camera may be restarting at the first ones. */
const configurationFailures = 2
/** A camera that restarts begins again what it was at; one that does so without end is not waited for. */
const maxTries = { upload: 2, start: 3, stop: 3, uninstall: 3, awaitCamera: 10 }

/** Desired and observed state in, next step out. Apps that no entry names are not looked at. Pure. */
export function plan(input: PlanInput): Plan {
  const apps = input.desired.map((entry) => planApp(entry, input))
  const isWorkBegun = ({ appId }: AppPlan) => (input.memory.get(appId)?.attempt?.step ?? null) !== null
  const candidates = apps
    .filter((app) => app.kind === 'act' && !input.backingOff.has(app.appId))
    .sort((left, right) => Number(isWorkBegun(right)) - Number(isWorkBegun(left)) || left.revision - right.revision)
  const first = candidates[0]
  return { apps, next: first?.kind === 'act' ? { appId: first.appId, action: first.action } : null }
}

function planApp(entry: DesiredApp, input: PlanInput): AppPlan {
  const { appId, revision } = entry
  const memory = input.memory.get(appId)
  const attempt = memory?.attempt
  if (entry.settled || !attempt || attempt.revision !== revision || attempt.outcome) {
    return { appId, revision, kind: 'settled' }
  }
  const app = input.observed.find((candidate) => candidate.appId === appId) ?? null
  const context = { ...input, entry, app, attempt, memory }
  return { appId, revision, ...(attempt.error ? afterFinalError(attempt.error, context) : nextMove(context)) }
}

interface Context extends Omit<PlanInput, 'memory'> {
  entry: DesiredApp
  app: InstalledApp | null
  attempt: Attempt
  memory: AppMemory
}
type Move = DistributiveOmit<AppPlan, 'appId' | 'revision'>
type DistributiveOmit<Union, Keys extends PropertyKey> = Union extends unknown ? Omit<Union, Keys> : never

const converged: Move = { kind: 'settle', phase: 'CONVERGED', error: null }
const act = (action: Action): Move => ({ kind: 'act', action })
const fail = (error: PlannedError): Move => ({ kind: 'settle', phase: 'FAILED', error })

function nextMove(context: Context): Move {
  return context.entry.presence === 'ABSENT' ? removal(context) : presence(context)
}

/** A step that only ran out of time may have worked; else what was stopped for an update is put back before the end. */
function afterFinalError(error: InstallationError, context: Context): Move {
  const { app, attempt, entry } = context
  if (error.category === 'timeout' || error.category === 'device-unreachable') {
    const move = nextMove(context)
    if (move.kind !== 'act' || isBeyond(attempt, move.action)) return move
  }
  const ranBefore = attempt.began?.isUpdate && attempt.began.runningState === 'RUNNING'
  const standsStill = app?.state === 'NOT_RUNNING' && entry.running !== 'NOT_RUNNING'
  // One try: once START has begun, whether as the failed step or to put things back, it ends here.
  if (ranBefore && standsStill && attempt.step !== 'START')
    return act({ kind: 'start', step: 'START', isRestore: true })
  if (attempt.reinstall?.configuration === null && !app) {
    return fail({ ...error, detail: `${error.detail} The app was removed for this version and is not on the camera.` })
  }
  return fail(error)
}

/** The action comes after the attempt's failed step: repeating one, or fetching and uploading again, would never end. */
const isBeyond = (attempt: Attempt, action: Action): boolean =>
  action.step !== attempt.step && action.kind !== 'download' && action.kind !== 'upload'

function removal({ app, attempt }: Context, kind: 'uninstall' | 'make-way' = 'uninstall'): Move {
  if (!app) return converged
  if (app.state === 'UNINSTALLING') return awaitCamera('UNINSTALL', { app, attempt })
  if (tries(attempt, 'UNINSTALL') >= maxTries.uninstall) {
    return fail(refused('app-came-back', 'The camera said that the app was removed and lists it again.', app))
  }
  if (kind === 'uninstall') return act({ kind, step: 'UNINSTALL' })
  return act({ kind, step: 'UNINSTALL', isLastTry: attempt.failures >= configurationFailures })
}

function awaitCamera(step: 'INSTALL' | 'UNINSTALL', { app, attempt }: Pick<Context, 'app' | 'attempt'>): Move {
  if (tries(attempt, step) < maxTries.awaitCamera) return act({ kind: 'await-camera', step })
  return fail(refused('app-unsettled', 'The camera begins again and again to install or to remove the app.', app))
}

function presence(context: Context): Move {
  const { app } = context
  if (app?.state === 'INSTALLING') return awaitCamera('INSTALL', context)
  if (app?.state === 'UNINSTALLING') return awaitCamera('UNINSTALL', context)
  return (
    version(context) ??
    configuration(context) ??
    license(context) ??
    running(context) ??
    unlicensed(context) ??
    converged
  )
}

function version(context: Context): Move | null {
  const { entry, app, attempt, memory, packagesOnDisk, downgrade } = context
  const wanted = entry.package
  if (!wanted) {
    return app ? null : fail(refused('app-not-found', 'The app is not on the camera, and no package is named.', app))
  }
  if (app && isInPlace(wanted, app, memory.installed)) return null
  if (app && isDowngrade(wanted, app, memory.installed)) {
    if (!entry.allowDowngrade || downgrade === 'NONE') {
      const detail = `The camera has version ${app.version}, which is higher than ${wanted.version}.`
      return fail({ category: 'incompatible', code: 'downgrade', detail, deviceCode: null, retryable: false })
    }
    // Nothing is removed before what follows lies on the disk.
    if (downgrade === 'REINSTALL' && packagesOnDisk.has(wanted.packageId)) return removal(context, 'make-way')
  }
  if (tries(attempt, 'UPLOAD') >= maxTries.upload) {
    return fail(refused('app-vanished', 'The camera took the package and does not list its version.', app))
  }
  if (!packagesOnDisk.has(wanted.packageId)) return act({ kind: 'download', step: 'DOWNLOAD', package: wanted })
  return act({ kind: 'upload', step: 'UPLOAD', package: wanted })
}

/** What was saved of an app that was removed for another version goes back before it is started. */
function configuration({ attempt }: Context): Move | null {
  if (attempt.reinstall?.configuration !== null) return null
  return act({ kind: 'restore', step: 'INSTALL', isLastTry: attempt.failures >= configurationFailures })
}

function license({ entry, app, attempt, memory }: Context): Move | null {
  if (!entry.license) return null
  // A renewed license keeps its id and has a new token; a platform that does not say so has never renewed one.
  const { licenseId, renewal = 0 } = entry.license
  const isPlaced = memory.license?.licenseId === licenseId && (memory.license.renewal ?? 0) === renewal
  // Only a camera that is known to list its licenses proves by an empty list that one is gone.
  const isLost = memory.license?.wasListed === true && app?.licenses.length === 0 && tries(attempt, 'LICENSE') === 0
  if (isPlaced && !isLost && !memory.license?.isInDoubt) return null
  const replaced = memory.license?.checkedBy === 'NOBODY' ? undefined : memory.license?.placement
  return act({ kind: 'license', step: 'LICENSE', licenseId, renewal, ...(replaced === undefined ? {} : { replaced }) })
}

/**
 * A license that was given back or has ended is taken away last, when the app stands still if it shall. What nobody remembers to
 * have placed here, and what nobody looks at, is not looked for.
 */
function unlicensed({ entry, memory, canTakeLicense }: Context): Move | null {
  const { checkedBy, placement } = memory.license ?? {}
  if (entry.license || !canTakeLicense || placement === undefined || checkedBy === 'NOBODY') return null
  return act({ kind: 'take-license', step: 'LICENSE', placement })
}

function running({ entry, app, attempt }: Context): Move | null {
  const wanted = entry.running ?? runningBeforeUpdate(attempt)
  if (!app || wanted === null) return null
  const state = toRunningState(app.state)
  const step = wanted === 'RUNNING' ? 'START' : 'STOP'
  // A camera that never tells its running state is asked once and then believed.
  if (state === wanted || (state === 'UNKNOWN' && tries(attempt, step) > 0)) return null
  if (step === 'START') {
    if (tries(attempt, step) < maxTries.start) return act({ kind: 'start', step, isRestore: false })
    const error = refused('app-fell-back', 'The app was started three times and stopped again by itself.', app)
    return fail(attempt.appLog ? { ...error, appLog: attempt.appLog } : error)
  }
  if (tries(attempt, step) < maxTries.stop) return act({ kind: 'stop', step })
  return fail(refused('app-runs-on', 'The app was stopped three times and runs again.', app))
}

function runningBeforeUpdate({ began }: Attempt): DesiredRunningState | null {
  return began?.isUpdate && began.runningState !== 'UNKNOWN' ? began.runningState : null
}

const tries = (attempt: Attempt, step: Action['step']) => attempt.done[step] ?? 0

const refused = (code: string, detail: string, app: InstalledApp | null): PlannedError => ({
  category: 'refused-by-device',
  code,
  detail,
  deviceCode: app?.status ? app.status.slice(0, 200) : null,
  retryable: false,
})
