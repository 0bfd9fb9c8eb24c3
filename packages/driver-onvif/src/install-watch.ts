import { DriverError, type LocalPackage } from '@ocelli/driver'
import type { AppInfo, AppStateEvent } from '@ocelli/onvif'
import { isInTransition } from './app-list.ts'

/** What came of an installation, as far as is known. */
export type InstallOutcome =
  | { kind: 'pending' }
  | { kind: 'installed'; info: AppInfo }
  | { kind: 'failed'; error: DriverError }

/** Judges an installation from what the camera lists and announces. Pure: it never waits and never asks. */
export type InstallWatch = {
  /** An event since the upload. */
  heard(event: AppStateEvent): InstallOutcome
  /** The app as listed now, null when it is not. */
  saw(info: AppInfo | null): InstallOutcome
  /** The camera did not answer for a while: it may have lost the installation. */
  wasAway(): void
  /** The camera has shown that it works on the package. */
  hasBegun(): boolean
}

const PENDING: InstallOutcome = { kind: 'pending' }

export function watchInstall(localPackage: LocalPackage, before: AppInfo | null): InstallWatch {
  const { appId, version } = localPackage
  let hasBegun = false
  let isBack = false

  function judgeUnchanged(info: AppInfo): InstallOutcome {
    if (!hasBegun) return PENDING
    // The same version over itself: begun and ended without a word of failure.
    if (info.version === version) return { kind: 'installed', info }
    if (isBack) return { kind: 'failed', error: lostInstall() }
    return failed(`The camera kept version ${info.version}`, info.status)
  }

  return {
    heard({ appId: heardId, state, status, operation }) {
      // A package that the camera could not read has no id, and AppMgmt/State has no event without one.
      if (heardId !== appId && heardId !== '') return PENDING
      // `Initialized` tells of an app that is new, or how things stood when the subscription began.
      const isOld = operation === 'Initialized' && before !== null
      if (state === 'Installing' && !isOld) hasBegun = true
      if (operation === 'Initialized' && !hasBegun) return PENDING
      if (state !== 'InstallationFailed') return PENDING
      return failed('The camera could not install the app', status)
    },
    saw(info) {
      if (info === null) {
        if (before === null && !hasBegun) return PENDING
        if (isBack) return { kind: 'failed', error: lostInstall() }
        return failed('The camera dropped the app while installing it', '')
      }
      if (isInTransition(info)) {
        hasBegun = true
        return PENDING
      }
      if (info.state === 'InstallationFailed') {
        return failed('The camera could not install the app', info.status)
      }
      return isNew(info, before) ? { kind: 'installed', info } : judgeUnchanged(info)
    },
    wasAway() {
      isBack = true
    },
    hasBegun: () => hasBegun,
  }
}

/** The camera was away and has nothing of the installation: worth beginning anew. */
export function lostInstall(): DriverError {
  return new DriverError('unreachable', 'The camera restarted while it was installing, and lost the installation.')
}

function failed(what: string, status: string): InstallOutcome {
  const detail = status === '' ? `${what}, and did not say why.` : `${what}: ${status}`
  return { kind: 'failed', error: new DriverError('install-failed', detail, { deviceCode: status || null }) }
}

// Cameras write versions in their own words, so a later LastUpdate counts as well as the package's version.
function isNew(info: AppInfo, before: AppInfo | null): boolean {
  if (before === null || info.version !== before.version) return true
  return updatedAt(info) !== null && updatedAt(info) !== updatedAt(before)
}

const updatedAt = ({ lastUpdate }: AppInfo): number | null => lastUpdate?.getTime() ?? null
