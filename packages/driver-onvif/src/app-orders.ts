import { DriverError } from '@ocelli/driver'
import { type AppInfo, type AppManagement, isUnknownApp, OnvifError } from '@ocelli/onvif'
import { driverFailure, translated } from './driver-failure.ts'
import { type DriverTiming, pause } from './driver-timing.ts'
import { isPresent } from './installed-app.ts'

export type OrderContext = { apps: AppManagement; timing: DriverTiming; signal: AbortSignal }

/** Starts an app and stays until it has run for a while. */
export async function startApp(appId: string, context: OrderContext): Promise<void> {
  const { apps, timing, signal } = context
  if ((await requireApp(appId, context)).state !== 'Active') {
    await translated('app', () => apps.activate(appId, { signal }))
  }
  let wasActive = false
  let lastStatus = ''
  const deadline = performance.now() + timing.settleTimeoutMs
  let steadyAt = Number.POSITIVE_INFINITY
  while (performance.now() < deadline) {
    const app = await requireApp(appId, context)
    lastStatus = app.status || lastStatus
    if (app.state === 'Active') {
      if (!wasActive) steadyAt = performance.now() + timing.steadyMs
      wasActive = true
      if (performance.now() >= steadyAt) return
    } else if (wasActive) {
      throw fellBack(appId, lastStatus)
    }
    await pause(Math.min(timing.pollMs, Math.max(1, steadyAt - performance.now())), signal)
  }
  throw fellBack(appId, lastStatus)
}

/** Stops an app and waits until the camera shows it. */
export async function stopApp(appId: string, context: OrderContext): Promise<void> {
  const { apps, signal } = context
  if ((await requireApp(appId, context)).state !== 'Active') return
  await translated('app', () => apps.deactivate(appId, { signal }))
  await until(context, `stopped ${appId}`, async () => (await requireApp(appId, context)).state !== 'Active')
}

/** Removes an app and waits until the camera no longer lists it. */
export async function uninstallApp(appId: string, context: OrderContext): Promise<void> {
  const { apps, signal } = context
  const present = await findApp(appId, context)
  if (present === null) return
  if (present.state !== 'Uninstalling') await orderRemoval(appId, apps, signal)
  let wasUninstalling = false
  await until(context, `removed ${appId}`, async () => {
    const app = await findApp(appId, context)
    if (app === null) return true
    if (app.state === 'Uninstalling') wasUninstalling = true
    else if (wasUninstalling) {
      const detail = `The camera could not remove ${appId}: ${app.status || 'it gave no reason'}.`
      throw new DriverError('refused', detail, { deviceCode: app.status || null })
    }
    return false
  })
}

async function orderRemoval(appId: string, apps: AppManagement, signal: AbortSignal): Promise<void> {
  try {
    await apps.uninstall(appId, { signal })
  } catch (error) {
    // Gone between the look and the order.
    if (isUnknownApp(error)) return
    throw error instanceof OnvifError ? driverFailure(error, 'app') : error
  }
}

async function until(context: OrderContext, what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + context.timing.settleTimeoutMs
  while (performance.now() < deadline) {
    if (await isSo()) return
    await pause(context.timing.pollMs, context.signal)
  }
  throw new DriverError('timeout', `The camera has not ${what} in time.`)
}

async function findApp(appId: string, { apps, signal }: OrderContext): Promise<AppInfo | null> {
  const listed = await translated('read', () => apps.getAppsInfo(appId, { signal }))
  return listed.find(isPresent) ?? null
}

async function requireApp(appId: string, context: OrderContext): Promise<AppInfo> {
  const app = await findApp(appId, context)
  if (app === null) throw new DriverError('app-not-found', `The camera has no app ${appId}.`)
  return app
}

function fellBack(appId: string, status: string): DriverError {
  const words = status === '' ? 'The camera gave no reason' : `The camera says: ${status}`
  return new DriverError('app-fell-back', `${appId} did not stay running. ${words}.`, { deviceCode: status || null })
}
