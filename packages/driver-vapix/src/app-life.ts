import { type DriverClock, DriverError } from '@ocelli/driver'
import { type AppEntry, toInstalledApp } from './app-entry.ts'
import { fetchAppLog } from './app-log-fetch.ts'
import type { CgiOutcome } from './cgi-outcome.ts'
import { controlCode, controlErrors, errorFor } from './error-tables.ts'
import type { VapixCamera } from './vapix-camera.ts'

export type LifeTimings = {
  pollMs: number
  /** How long a camera that took an order may show nothing of it. */
  reactionMs: number
  /** How long a started app must keep running to count as started. */
  steadyMs: number
}

export const lifeTimings: LifeTimings = { pollMs: 1_000, reactionMs: 20_000, steadyMs: 3_000 }

export type LifeTools = { camera: VapixCamera; clock: DriverClock; timings: LifeTimings; signal: AbortSignal }

/** One app as the camera lists it now; null when it does not. Names match exactly. */
export async function findEntry(camera: VapixCamera, appId: string, call: { signal: AbortSignal }) {
  return (await camera.apps(call)).find(({ name }) => name === appId) ?? null
}

/** Starts an app and waits until it has kept running for a while. */
export async function startApp(appId: string, tools: LifeTools): Promise<void> {
  const { camera, signal } = tools
  const outcome = await camera.control('start', appId, { signal })
  if (outcome.kind === 'error' && !isLeftToTheList(outcome, controlCode.alreadyRunning)) {
    throw await startFailure(outcome, appId, tools)
  }
  await awaitRunning(appId, outcome, tools)
}

async function awaitRunning(appId: string, outcome: CgiOutcome, tools: LifeTools): Promise<void> {
  const { camera, clock, timings, signal } = tools
  const orderedAtMs = clock.monotonic()
  let runningSinceMs: number | null = null
  for (;;) {
    const entry = await findEntry(camera, appId, { signal })
    if (entry === null) throw gone(appId)
    const { state } = toInstalledApp(entry)
    const nowMs = clock.monotonic()
    // A camera that lists no status is believed that it did what it was told.
    if (state === 'UNKNOWN' && outcome.kind === 'ok') return
    if (state === 'RUNNING') {
      runningSinceMs ??= nowMs
      if (nowMs - runningSinceMs >= timings.steadyMs) return
    } else if (runningSinceMs !== null || nowMs - orderedAtMs >= timings.reactionMs) {
      throw await fellBack(entry, tools)
    }
    await clock.sleep(timings.pollMs, signal)
  }
}

/** Stops an app and waits until the camera says that it has stopped. */
export async function stopApp(appId: string, tools: LifeTools): Promise<void> {
  const { camera, clock, timings, signal } = tools
  const outcome = await camera.control('stop', appId, { signal })
  if (outcome.kind === 'error' && !isLeftToTheList(outcome, controlCode.notRunning))
    throw controlFailure(outcome, 'stop the app')
  const orderedAtMs = clock.monotonic()
  for (;;) {
    const entry = await findEntry(camera, appId, { signal })
    if (entry === null) throw gone(appId)
    if (toInstalledApp(entry).state !== 'RUNNING') return
    if (clock.monotonic() - orderedAtMs >= timings.reactionMs) {
      throw new DriverError('refused', `The camera took the order to stop ${appId}, and the app runs on.`)
    }
    await clock.sleep(timings.pollMs, signal)
  }
}

/** Removes an app and waits until it is no longer listed. An app that is not there is a success. */
export async function removeApp(appId: string, tools: LifeTools): Promise<void> {
  const { camera, clock, timings, signal } = tools
  const outcome = await camera.control('remove', appId, { signal })
  if (outcome.kind === 'error' && !isLeftToTheList(outcome, controlCode.notFound)) {
    throw controlFailure(outcome, 'remove the app')
  }
  const orderedAtMs = clock.monotonic()
  for (;;) {
    if ((await findEntry(camera, appId, { signal })) === null) return
    if (clock.monotonic() - orderedAtMs >= timings.reactionMs) {
      throw new DriverError('refused', `The camera took the order to remove ${appId} and kept it.`)
    }
    await clock.sleep(timings.pollMs, signal)
  }
}

/** Codes that mean "already so", and the one that means "I do not know": what the camera lists decides. */
function isLeftToTheList({ code }: Extract<CgiOutcome, { kind: 'error' }>, alreadySo: number): boolean {
  return code === alreadySo || code === controlCode.unknownOutcome
}

function controlFailure(outcome: Extract<CgiOutcome, { kind: 'error' }>, what: string): DriverError {
  return errorFor(controlErrors, outcome, { code: 'refused', what })
}

/** A start that the camera could not carry out is a matter of licenses where the app's license is not as it should be. */
async function startFailure(
  outcome: Extract<CgiOutcome, { kind: 'error' }>,
  appId: string,
  tools: LifeTools,
): Promise<DriverError> {
  const error = controlFailure(outcome, 'start the app')
  const isAboutApp = outcome.code === controlCode.notStarted || outcome.code === controlCode.unspecified
  if (!isAboutApp) return error
  const entry = await findEntry(tools.camera, appId, tools)
  if (entry !== null && lacksLicense(entry)) return licenseLacking(entry, error.deviceCode)
  return withLog(error, appId, tools)
}

async function fellBack(entry: AppEntry, tools: LifeTools): Promise<DriverError> {
  const deviceCode = toInstalledApp(entry).status
  if (lacksLicense(entry)) return licenseLacking(entry, deviceCode)
  const detail = `The app ${entry.name} was started and did not keep running.`
  return withLog(new DriverError('app-fell-back', detail, { deviceCode }), entry.name, tools)
}

async function withLog(error: DriverError, appId: string, tools: LifeTools): Promise<DriverError> {
  const appLog = await fetchAppLog(tools.camera, appId, tools.signal)
  return new DriverError(error.code, error.message, { deviceCode: error.deviceCode, appLog, cause: error.cause })
}

const lacksLicense = ({ license }: AppEntry): boolean => license === 'Missing' || license === 'Invalid'

function licenseLacking({ name, license, licenseExpires }: AppEntry, deviceCode: string | null): DriverError {
  const why =
    license === 'Missing'
      ? 'has no license key'
      : `has a license key that is not valid${licenseExpires ? ` (it ends ${licenseExpires})` : ''}`
  const detail = `The app ${name} does not run: it ${why}. Axis' own license keys are the only ones that this app takes.`
  return new DriverError('license-refused', detail, { deviceCode })
}

function gone(appId: string): DriverError {
  return new DriverError('app-not-found', `The app ${appId} is not on the camera.`)
}
