import { type DriverClock, DriverError, type LicenseRequest, type PlacedLicense } from '@ocelli/driver'
import { type AppInfo, type AppManagement, isOnvifError, isUnknownApp } from '@ocelli/onvif'
import { findInfo } from './app-list.ts'
import { driverError, isAboutLicense } from './driver-failure.ts'

export type LifeTools = { management: AppManagement; clock: DriverClock; timings: LifeTimings; signal: AbortSignal }

export type LifeTimings = {
  pollMs: number
  /** How long a camera that took an order may show nothing of it. */
  reactionMs: number
  /** How long a started app must keep running to count as started. */
  steadyMs: number
}

export const lifeTimings: LifeTimings = { pollMs: 500, reactionMs: 20_000, steadyMs: 2_000 }

/** Activates an app and waits until it has kept running for a while. */
export async function startApp(appId: string, tools: LifeTools): Promise<void> {
  await order(tools.management.activate(appId, tools), {
    appId,
    tools,
    isDone: (info) => info?.state === 'Active',
    isLicensed: true,
  })
  const { clock, timings } = tools
  const orderedAtMs = clock.monotonic()
  let activeSinceMs: number | null = null
  for (;;) {
    const info = await findInfo(tools.management, appId, tools)
    if (info === null) throw gone(appId)
    const nowMs = clock.monotonic()
    if (info.state === 'Active') {
      activeSinceMs ??= nowMs
      if (nowMs - activeSinceMs >= timings.steadyMs) return
    } else if (activeSinceMs !== null || nowMs - orderedAtMs >= timings.reactionMs) {
      throw notRunning(info)
    }
    await clock.sleep(timings.pollMs, tools.signal)
  }
}

/** Deactivates an app and waits until the camera says that it has stopped. */
export async function stopApp(appId: string, tools: LifeTools): Promise<void> {
  const isDone = (info: AppInfo | null) => info?.state === 'Inactive'
  await order(tools.management.deactivate(appId, tools), { appId, tools, isDone })
  for (;;) {
    const info = await findInfo(tools.management, appId, tools)
    if (info === null) throw gone(appId)
    if (info.state !== 'Active') return
    await tools.clock.sleep(tools.timings.pollMs, tools.signal)
  }
}

/** Uninstalls an app and waits until it is no longer listed. An app that is not there is a success. */
export async function uninstallApp(appId: string, tools: LifeTools): Promise<void> {
  try {
    await order(tools.management.uninstall(appId, tools), {
      appId,
      tools,
      isDone: (info) => info === null || info.state === 'Uninstalling',
    })
  } catch (error) {
    if (error instanceof DriverError && error.code === 'app-not-found') return
    throw error
  }
  const { clock, timings } = tools
  const orderedAtMs = clock.monotonic()
  let hasBegun = false
  for (;;) {
    const info = await findInfo(tools.management, appId, tools)
    if (info === null) return
    const isOverdue = clock.monotonic() - orderedAtMs >= timings.reactionMs
    if (info.state === 'Uninstalling') hasBegun = true
    else if (hasBegun || isOverdue) throw notRemoved(info)
    await clock.sleep(timings.pollMs, tools.signal)
  }
}

/** Hands a license to the camera. A camera without ONVIF licensing is `unsupported`. */
export async function placeLicense(request: LicenseRequest, tools: LifeTools): Promise<PlacedLicense> {
  try {
    const { appId, license } = request
    await tools.management.installLicense({ appId, license }, tools)
    return { checkedBy: 'CAMERA' }
  } catch (error) {
    if (!isOnvifError(error, 'rejected') || isUnknownApp(error)) throw error
    // Cameras name all kinds of Sender faults for a license that they do not accept; the standard has InvalidFormat only.
    const isRefused = error.fault?.code === 'Sender' || isAboutLicense(error.fault?.reason)
    throw isRefused ? driverError('license-refused', error) : error
  }
}

type OrderContext = {
  appId: string
  tools: LifeTools
  isDone: (info: AppInfo | null) => boolean
  isLicensed?: boolean
}

/** Waits for an order to be taken. ONVIF defines no fault for "already so", so a refusal is held against what the camera lists. */
async function order(taken: Promise<void>, { appId, tools, isDone, isLicensed = false }: OrderContext): Promise<void> {
  try {
    await taken
  } catch (error) {
    if (!isOnvifError(error, 'rejected')) throw error
    if (isUnknownApp(error)) throw driverError('app-not-found', error)
    const info = await findInfo(tools.management, appId, tools)
    if (isDone(info)) return
    if (info === null) throw driverError('app-not-found', error)
    const words = `${error.fault?.reason ?? error.message} ${info.status}`
    throw isLicensed && isAboutLicense(words) ? driverError('license-refused', error) : error
  }
}

function gone(appId: string): DriverError {
  return new DriverError('app-not-found', `The app ${appId} is not on the camera.`)
}

function notRunning({ appId, state, status }: AppInfo): DriverError {
  const said = status === '' ? '' : ` The camera says: ${status}`
  const options = { deviceCode: status || state }
  if (isAboutLicense(status)) {
    return new DriverError('license-refused', `The camera does not run ${appId}.${said}`, options)
  }
  return new DriverError('app-fell-back', `The app ${appId} was started and did not keep running.${said}`, options)
}

function notRemoved({ appId, state, status }: AppInfo): DriverError {
  const said = status === '' ? '' : ` The camera says: ${status}`
  return new DriverError('refused', `The camera took the order to remove ${appId} and kept it.${said}`, {
    deviceCode: status || state,
  })
}
