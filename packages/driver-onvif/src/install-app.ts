import { createReadStream } from 'node:fs'
import { DriverError, type InstalledApp, type InstallOptions, type LocalPackage } from '@ocelli/driver'
import {
  type AppInfo,
  type AppManagement,
  type AppStateEvent,
  type AppStateSubscription,
  isOnvifError,
  type OnvifClient,
} from '@ocelli/onvif'
import { translated } from './driver-failure.ts'
import { type DriverTiming, pause } from './driver-timing.ts'
import { isPresent, toInstalledApp } from './installed-app.ts'
import { createInstallationWatch, type InstallationWatch } from './watch-installation.ts'

export type InstallContext = { client: OnvifClient; apps: AppManagement; timing: DriverTiming }

// One pull holds the camera's only connection, so it is short; events wait at the camera meanwhile.
const PULL_WAIT_MS = 1_000

/** Uploads a package and follows it until the camera has installed it; see `Driver.install`. */
export async function installApp(
  local: LocalPackage,
  options: InstallOptions,
  context: InstallContext,
): Promise<InstalledApp> {
  const { signal } = options
  const { apps, timing } = context
  const deadline = performance.now() + timing.installTimeoutMs
  const before = await settledBefore(local, deadline, { signal, context })
  const present = before.find(({ appId }) => appId === local.appId)
  // The answer to an earlier call may have been lost: what is there already is not sent again.
  if (present?.version === local.version) return toInstalledApp(present)
  // Before the upload: the only moment at which nothing about it can be missed.
  const subscription = await subscribe(context.client, signal)
  try {
    await upload(local, options, apps)
    options.onProgress?.({ step: 'INSTALL', percent: null })
    const watch = createInstallationWatch(local, before)
    const events = createEventSource(subscription)
    while (performance.now() < deadline) {
      watch.heard(await events.next(signal))
      const installed = await look(watch, apps, signal)
      if (installed !== null) return toInstalledApp(installed)
      await pause(timing.pollMs, signal)
    }
    throw new DriverError('timeout', `The camera has not finished installing ${local.appId} in time.`)
  } finally {
    // Its own signal: ours may be the reason why we are here. A camera that cannot answer lets the subscription lapse.
    await subscription?.close({ signal: AbortSignal.timeout(5_000) }).catch(() => undefined)
  }
}

/** The apps before the upload, once an installation of the same app that is still running has ended. */
async function settledBefore(
  local: LocalPackage,
  deadline: number,
  { signal, context }: { signal: AbortSignal; context: InstallContext },
): Promise<AppInfo[]> {
  for (;;) {
    const apps = (await translated('read', () => context.apps.getAppsInfo(undefined, { signal }))).filter(isPresent)
    const ours = apps.find(({ appId }) => appId === local.appId)
    if (ours?.state !== 'Installing' && ours?.state !== 'Uninstalling') return apps
    if (performance.now() > deadline) {
      throw new DriverError('busy', `The camera is still busy with ${local.appId} (${ours.state}).`)
    }
    await pause(context.timing.pollMs, signal)
  }
}

async function upload(local: LocalPackage, options: InstallOptions, apps: AppManagement): Promise<void> {
  const percentOf = (sentBytes: number) => (local.size === 0 ? 100 : Math.floor((sentBytes * 100) / local.size))
  await translated('upload', () =>
    apps.upload({
      open: () => createReadStream(local.path),
      size: local.size,
      signal: options.signal,
      onProgress: (sentBytes) => options.onProgress?.({ step: 'UPLOAD', percent: percentOf(sentBytes) }),
    }),
  )
}

async function subscribe(client: OnvifClient, signal: AbortSignal): Promise<AppStateSubscription | null> {
  try {
    return await client.subscribeAppStates({ signal, lifetimeMs: 30 * 60_000 })
  } catch (error) {
    if (isOnvifError(error, 'events-unsupported') || isOnvifError(error, 'bad-reply')) return null
    return await translated('read', () => Promise.reject(error))
  }
}

/** Events while the camera gives them; after the first failure of a pull the list of apps alone has to do. */
function createEventSource(subscription: AppStateSubscription | null) {
  let current = subscription
  return {
    async next(signal: AbortSignal): Promise<AppStateEvent[]> {
      try {
        return (await current?.pull({ waitMs: PULL_WAIT_MS, signal })) ?? []
      } catch (error) {
        if (signal.aborted || isOnvifError(error, 'credentials-refused')) {
          return await translated('read', () => Promise.reject(error))
        }
        current = null
        return []
      }
    },
  }
}

// A camera that restarts in the middle answers again later; only the deadline ends the patience.
async function look(watch: InstallationWatch, apps: AppManagement, signal: AbortSignal): Promise<AppInfo | null> {
  let listed: AppInfo[]
  try {
    listed = await apps.getAppsInfo(undefined, { signal })
  } catch (error) {
    const isAway = ['unreachable', 'timeout', 'bad-reply'].some((code) => isOnvifError(error) && error.code === code)
    if (signal.aborted || !isAway) return await translated('read', () => Promise.reject(error))
    watch.lostSight()
    return null
  }
  return watch.seen(listed.filter(isPresent))
}
