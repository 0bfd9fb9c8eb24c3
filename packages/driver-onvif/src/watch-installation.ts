import { DriverError, type LocalPackage } from '@ocelli/driver'
import type { AppInfo, AppStateEvent } from '@ocelli/onvif'

/** What is known of an installation while it runs; the camera never says which app an upload was. */
export type InstallationWatch = {
  /** Takes what the camera announced. Throws `install-failed` with the camera's reason. */
  heard(events: readonly AppStateEvent[]): void
  /** Takes a list of apps; gives ours when it is installed. Throws `install-failed` when it went back to what it was. */
  seen(apps: readonly AppInfo[]): AppInfo | null
  /** The camera did not answer for a while. */
  lostSight(): void
}

// A camera that restarted needs a moment until it lists its apps again.
const LOOKS_AFTER_RETURN = 5

/**
 * Follows one installation from the apps before it. It is done when the camera lists the app in the package's version, or in
 * another one than before (cameras write versions in their own words), and no longer as installing.
 */
export function createInstallationWatch(local: LocalPackage, before: readonly AppInfo[]): InstallationWatch {
  const old = before.find((app) => app.appId === local.appId)
  const others = new Set(before.map((app) => app.appId).filter((appId) => appId !== local.appId))
  let wasInstalling = false
  let hasSettledEvent = false
  let wasAway = false
  let looksSinceReturn = 0

  function isNew(app: AppInfo): boolean {
    if (app.version === local.version) return true
    return old === undefined || app.version !== old.version || app.lastUpdate?.getTime() !== old.lastUpdate?.getTime()
  }

  function failed(status: string): DriverError {
    const words = status === '' ? 'it gave no reason' : status
    return new DriverError('install-failed', `The camera could not install ${local.appId}: ${words}.`, {
      deviceCode: status || null,
    })
  }

  return {
    heard(events) {
      for (const event of events) {
        if (event.operation === 'Initialized' || others.has(event.appId)) continue
        // A package that cannot be read has no id, so a failure of an app nobody knows is ours: nothing else is being installed.
        if (event.state === 'InstallationFailed') throw failed(event.status)
        if (event.appId !== local.appId) continue
        if (event.state === 'Installing') wasInstalling = true
        if (event.state === 'Active' || event.state === 'Inactive') hasSettledEvent = wasInstalling
      }
    },
    seen(apps) {
      const app = apps.find(({ appId }) => appId === local.appId)
      if (wasAway) looksSinceReturn += 1
      if (app?.state === 'Installing') {
        wasInstalling = true
        return null
      }
      const isSettled = app !== undefined && (app.state === 'Active' || app.state === 'Inactive')
      if (isSettled && isNew(app)) return app
      if (wasAway && looksSinceReturn >= LOOKS_AFTER_RETURN) {
        const detail = 'The camera restarted in the middle of the installation and has lost the package.'
        throw new DriverError('unreachable', detail)
      }
      if (wasInstalling && !wasAway && (isSettled || app === undefined)) {
        // An event that it ended well goes before a list that is a moment older.
        if (hasSettledEvent && app === undefined) return null
        throw failed(app?.status ?? '')
      }
      return null
    },
    lostSight() {
      wasAway = true
      looksSinceReturn = 0
    },
  }
}
