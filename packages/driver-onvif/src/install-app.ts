import {
  type DriverClock,
  DriverError,
  type DriverErrorCode,
  type InstallOptions,
  type LocalPackage,
  openPackage,
} from '@ocelli/driver'
import { type AppInfo, type AppManagement, isOnvifError, type OnvifClient, OnvifError } from '@ocelli/onvif'
import { findInfo, isInTransition } from './app-list.ts'
import { driverError } from './driver-failure.ts'
import { type InstallEvents, listenForInstall } from './install-events.ts'
import { type InstallOutcome, lostInstall, watchInstall } from './install-watch.ts'
import { contentTypeFor } from './package-format.ts'

export type InstallTools = {
  client: OnvifClient
  management: AppManagement
  clock: DriverClock
  timings: InstallTimings
}

export type InstallTimings = {
  pollMs: number
  /** How long a camera may stay away while it installs before the gateway has to find it again. */
  awayMs: number
  /** How long a camera that came back may show nothing of the installation. */
  recoveryMs: number
}

export const installTimings: InstallTimings = { pollMs: 2_000, awayMs: 20_000, recoveryMs: 15_000 }

/**
 * Uploads a package and waits until the camera lists the app in its version. An installation of the same app that is already
 * running is waited for first. How long all of it may take is the signal's matter.
 */
export async function installApp(
  localPackage: LocalPackage,
  options: InstallOptions,
  tools: InstallTools,
): Promise<AppInfo> {
  const { appId, version } = localPackage
  const { client, management } = tools
  const { signal, onProgress } = options
  const { formats } = await management.getServiceCapabilities({ signal })
  const contentType = contentTypeFor(localPackage.format, formats)
  const listed = await findInfo(management, appId, { signal })
  const before = await settled(listed, { appId, signal, tools })
  if (before !== null && listed !== null && isInTransition(listed) && before.version === version) return before
  const deviceId = await management.getDeviceId({ signal })
  const events = await listenForInstall(client, signal)
  try {
    await upload(localPackage, { contentType, options, management })
    const isInstalling = () => onProgress?.({ step: 'INSTALL', percent: null })
    isInstalling()
    return await awaitInstall(localPackage, { before, deviceId, events, isInstalling, signal, tools })
  } finally {
    await events.close()
  }
}

type SettleContext = { appId: string; signal: AbortSignal; tools: InstallTools }

async function settled(listed: AppInfo | null, { appId, signal, tools }: SettleContext): Promise<AppInfo | null> {
  let info = listed
  while (info !== null && isInTransition(info)) {
    await tools.clock.sleep(tools.timings.pollMs, signal)
    info = await findInfo(tools.management, appId, { signal })
  }
  return info
}

type UploadContext = { contentType: string; options: InstallOptions; management: AppManagement }

async function upload(
  { path, size }: LocalPackage,
  { contentType, options: { signal, onProgress, pace }, management }: UploadContext,
): Promise<void> {
  let told = -1
  const onSent = (sentBytes: number) => {
    const percent = size === 0 ? 100 : Math.floor((sentBytes / size) * 100)
    if (percent > told) onProgress?.({ step: 'UPLOAD', percent })
    told = Math.max(told, percent)
  }
  onSent(0)
  try {
    const file = { open: () => openPackage(path, { pace, signal }), size, contentType, onProgress: onSent }
    await management.upload({ ...file, signal, ...(pace ? { timeoutMs: pacedTimeoutMs } : {}) })
  } catch (error) {
    throw error instanceof OnvifError ? uploadFailure(error) : error
  }
}

/** How slowly it goes is the gateway's choice, which also ends it in time. */
const pacedTimeoutMs = 24 * 3_600_000

const UPLOAD_CODES: Record<number, DriverErrorCode> = {
  400: 'package-refused',
  409: 'busy',
  413: 'package-refused',
  415: 'package-refused',
  422: 'package-refused',
  507: 'storage-full',
}

function uploadFailure(error: OnvifError): unknown {
  const code = error.code === 'rejected' ? UPLOAD_CODES[error.httpStatus ?? 0] : undefined
  return code === undefined ? error : driverError(code, error)
}

type AwaitContext = {
  before: AppInfo | null
  deviceId: string
  events: InstallEvents
  /** Called whenever the camera has answered. */
  isInstalling: () => void
  signal: AbortSignal
  tools: InstallTools
}

async function awaitInstall(localPackage: LocalPackage, context: AwaitContext): Promise<AppInfo> {
  const { before, deviceId, events, isInstalling, signal, tools } = context
  const { clock, timings, management } = tools
  const watch = watchInstall(localPackage, before)
  let awaySinceMs: number | null = null
  let backSinceMs: number | null = null
  const hear = async () => {
    for (const event of await events.pull(signal)) conclude(watch.heard(event))
  }
  for (;;) {
    await hear()
    try {
      if (awaySinceMs !== null) {
        await requireSameCamera(management, deviceId, signal)
        awaySinceMs = null
        backSinceMs = clock.monotonic()
        watch.wasAway()
      }
      const listed = await findInfo(management, localPackage.appId, { signal })
      isInstalling()
      // The list can be newer than the events: the reason why the app is gone still waits at the camera.
      if (listed === null && watch.hasBegun()) await hear()
      const info = conclude(watch.saw(listed))
      if (info !== null) return info
      const isOverdue = backSinceMs !== null && clock.monotonic() - backSinceMs >= timings.recoveryMs
      if (isOverdue && !watch.hasBegun()) throw lostInstall()
    } catch (error) {
      if (!isPassing(error)) throw error
      awaySinceMs ??= clock.monotonic()
      if (clock.monotonic() - awaySinceMs >= timings.awayMs) throw error
    }
    if (!events.isListening || awaySinceMs !== null) await clock.sleep(timings.pollMs, signal)
  }
}

/** The app once it is installed, null while it is not. Throws the failure. */
function conclude(outcome: InstallOutcome): AppInfo | null {
  if (outcome.kind === 'failed') throw outcome.error
  return outcome.kind === 'installed' ? outcome.info : null
}

/** What cameras answer while they restart or are busy with the package. */
function isPassing(error: unknown): boolean {
  return (
    isOnvifError(error) &&
    (['unreachable', 'timeout', 'bad-reply', 'unsupported'].includes(error.code) || error.retryable)
  )
}

/** Another camera may have taken the address meanwhile; its apps say nothing about ours. */
async function requireSameCamera(management: AppManagement, deviceId: string, signal: AbortSignal): Promise<void> {
  const now = await management.getDeviceId({ signal })
  if (now !== deviceId) {
    throw new DriverError('unreachable', 'The camera went away during the installation, and another one answers there.')
  }
}
