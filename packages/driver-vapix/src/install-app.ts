import { CameraHttpError } from '@ocelli/camera-http'
import { type DriverClock, DriverError, type InstallOptions, type LocalPackage, openPackage } from '@ocelli/driver'
import type { AppEntry } from './app-entry.ts'
import { findEntry } from './app-life.ts'
import { fetchAppLog } from './app-log-fetch.ts'
import { type CameraMark, isSameCamera, readMark } from './camera-mark.ts'
import type { CgiOutcome } from './cgi-outcome.ts'
import { toDriverError } from './driver-failure.ts'
import { errorFor, uploadCode, uploadErrors } from './error-tables.ts'
import type { VapixCamera } from './vapix-camera.ts'

export type InstallTools = { camera: VapixCamera; clock: DriverClock; timings: InstallTimings }

export type InstallTimings = {
  pollMs: number
  /** How long a camera may stay away while it installs before the gateway has to find it again. */
  awayMs: number
  /** How long a camera whose answer was lost, or that does not know, may show nothing of the installation. */
  recoveryMs: number
}

export const installTimings: InstallTimings = { pollMs: 2_000, awayMs: 180_000, recoveryMs: 30_000 }

/**
 * Uploads a package, which the camera answers when it has installed it. Where the answer is lost, or says that the camera does not
 * know, what it lists decides. How long all of it may take is the signal's matter.
 */
export async function installApp(
  localPackage: LocalPackage,
  options: InstallOptions,
  tools: InstallTools,
): Promise<AppEntry> {
  const { camera } = tools
  const { signal } = options
  if (localPackage.format !== 'eap') {
    throw new DriverError('incompatible', `The camera takes .eap packages, and this is an .${localPackage.format}.`)
  }
  const before = await findEntry(camera, localPackage.appId, { signal })
  const mark = await readMark(camera, { signal })
  const sent = await upload(localPackage, options, tools)
  if (sent.kind === 'error' && sent.code !== uploadCode.unknownOutcome) {
    throw await refusal(sent, localPackage.appId, { camera, signal })
  }
  const failure =
    sent.kind === 'lost' ? sent.error : sent.kind === 'error' ? errorFor(uploadErrors, sent, fallback) : null
  return awaitListed(localPackage, { before, mark, failure, signal, tools })
}

const fallback = { code: 'install-failed', what: 'install the package' } as const

/** The camera's answer; `lost` where there was none that can be read after all of the package had been sent. */
type Sent = CgiOutcome | { kind: 'lost'; error: DriverError }

async function upload(
  { path, size, appId }: LocalPackage,
  options: InstallOptions,
  { camera }: InstallTools,
): Promise<Sent> {
  const { signal, onProgress, pace } = options
  let told = -1
  let isSent = false
  const onSent = (sentBytes: number) => {
    const percent = size === 0 ? 100 : Math.floor((sentBytes / size) * 100)
    if (percent > told) onProgress?.({ step: 'UPLOAD', percent })
    told = Math.max(told, percent)
    if (sentBytes < size || isSent) return
    isSent = true
    onProgress?.({ step: 'INSTALL', percent: null })
  }
  onSent(0)
  const file = { fileName: `${appId}.eap`, open: () => openPackage(path, { pace, signal }), size, onProgress: onSent }
  try {
    return await camera.uploadPackage(file, { signal })
  } catch (error) {
    const known = toDriverError(error)
    const mayHaveWorked = isSent && known instanceof DriverError && LOST.has(known.code) && !signal.aborted
    if (mayHaveWorked && !isRefusedLogin(error)) return { kind: 'lost', error: known }
    throw error
  }
}

const LOST: ReadonlySet<string> = new Set(['unreachable', 'timeout', 'bad-reply', 'busy'])
const isRefusedLogin = (error: unknown) => error instanceof CameraHttpError && error.httpStatus === 401

async function refusal(
  outcome: Extract<CgiOutcome, { kind: 'error' }>,
  appId: string,
  { camera, signal }: { camera: VapixCamera; signal: AbortSignal },
): Promise<DriverError> {
  const error = errorFor(uploadErrors, outcome, fallback)
  const mayBeLogged = error.code === 'incompatible' || error.code === 'install-failed'
  const appLog = mayBeLogged ? await fetchAppLog(camera, appId, signal) : null
  return new DriverError(error.code, error.message, { deviceCode: error.deviceCode, appLog })
}

type Awaiting = {
  before: AppEntry | null
  mark: CameraMark
  /** What the installation ends with when the camera never shows the app; null: it said that it worked. */
  failure: DriverError | null
  signal: AbortSignal
  tools: InstallTools
}

async function awaitListed(localPackage: LocalPackage, context: Awaiting): Promise<AppEntry> {
  const { before, mark, failure, signal, tools } = context
  const { clock, timings } = tools
  let awaySinceMs: number | null = null
  let seenSinceMs: number | null = null
  let hasRestarted = false
  for (;;) {
    const look = await lookFor(localPackage.appId, { isSettled: awaySinceMs === null && failure === null, context })
    const nowMs = clock.monotonic()
    if (look.kind === 'away') {
      awaySinceMs ??= nowMs
      seenSinceMs = null
      if (nowMs - awaySinceMs >= timings.awayMs) throw look.error
    } else {
      if (!isSameCamera(mark, look.mark)) throw anotherCamera()
      awaySinceMs = null
      seenSinceMs ??= nowMs
      hasRestarted ||= look.mark.bootId !== mark.bootId
      if (look.entry !== null && (failure === null || isProof(look.entry, localPackage, before))) return look.entry
      if (nowMs - seenSinceMs >= timings.recoveryMs)
        throw hasRestarted ? lostInstall(failure) : (failure ?? notListed())
    }
    await clock.sleep(timings.pollMs, signal)
  }
}

type Look = { kind: 'seen'; mark: CameraMark; entry: AppEntry | null } | { kind: 'away'; error: unknown }

/** One look at a camera that may be restarting. `isSettled`: it has been there all the time, so it need not say who it is. */
async function lookFor(
  appId: string,
  { isSettled, context }: { isSettled: boolean; context: Awaiting },
): Promise<Look> {
  const { signal, tools, mark } = context
  try {
    const present = isSettled ? mark : await readMark(tools.camera, { signal })
    if (!present.isReady) return { kind: 'away', error: new DriverError('busy', 'The camera is still starting.') }
    return { kind: 'seen', mark: present, entry: await findEntry(tools.camera, appId, { signal }) }
  } catch (error) {
    if (!isPassing(error)) throw error
    return { kind: 'away', error }
  }
}

/**
 * Whether the listed app proves that the package was installed, where the camera did not say so. A camera that said OK is believed
 * without: apps of Axis write their version in other words than their package.
 */
function isProof(entry: AppEntry, { version }: LocalPackage, before: AppEntry | null): boolean {
  const [listed, wanted] = [plainVersion(entry.version ?? ''), plainVersion(version)]
  if (listed === wanted) return true
  // AXIS OS 5 lists two numbers of three, which proves nothing where the app was there before.
  return before === null && /^\d+\.\d+$/.test(listed) && wanted.startsWith(`${listed}.`)
}

/** Without a manifest the last number stands behind a hyphen: `1.4-3`. */
const plainVersion = (version: string) => version.trim().replaceAll('-', '.')

/** What cameras answer while they restart or are busy with the package. */
function isPassing(error: unknown): boolean {
  const known = toDriverError(error)
  return (
    known instanceof DriverError && ['unreachable', 'timeout', 'bad-reply', 'unsupported', 'busy'].includes(known.code)
  )
}

const anotherCamera = () =>
  new DriverError('unreachable', 'The camera went away during the installation, and another one answers there.')

const lostInstall = (cause: DriverError | null) =>
  new DriverError('unreachable', 'The camera restarted while it was installing, and lost the installation.', { cause })

const notListed = () =>
  new DriverError('bad-reply', 'The camera said that it installed the package, and does not list the app.')
