import type { DesiredRunningState, LicenseType } from '@ocelli/contract'
import { ProblemError } from '../../platform/http/problem.ts'
import { vendorKeyMissing } from '../apps/asks-for-vendor-key.ts'
import type { HeldLicense, InstallationRow, Situation } from './situation.ts'

/** A package as the rules need it. */
export interface TargetPackage {
  packageId: string
  versionCode: number
  version: string
  /** Its cameras look for a key of their vendor, and for nothing of ours. */
  asksForVendorKey: boolean
}

export type Wish =
  | { kind: 'install'; licenseType: LicenseType; target: TargetPackage | null; start: boolean; allowDowngrade: boolean }
  | { kind: 'update'; target: TargetPackage; allowDowngrade: boolean }
  | { kind: 'uninstall' }
  | { kind: 'run'; running: DesiredRunningState }

/** How the license of a changed installation comes about. */
export type LicenseChange =
  /** `whileHeld`: the wish stands on this license, and is nothing without it. */
  | { kind: 'keep'; whileHeld?: string }
  | { kind: 'use'; licenseId: string }
  | { kind: 'reserve'; licenseType: LicenseType }

export type Decision =
  /** Nothing changes; work may still be under way. */
  | { kind: 'unchanged'; status: 200 | 202 }
  /** A wish that has not left the platform is taken back at once. */
  | { kind: 'cancel' }
  | {
      kind: 'change'
      set: Pick<
        InstallationRow,
        'presence' | 'packageId' | 'desiredRunningState' | 'installationState' | 'allowDowngrade'
      >
      license: LicenseChange
    }

const rank: Record<LicenseType, number> = { TRIAL: 0, SUBSCRIPTION: 1, FULL: 2 }

/** The table of rules.md section 1: what a request does to an installation in its present state. Pure. */
export function decide(wish: Wish, situation: Situation): Decision {
  switch (wish.kind) {
    case 'install':
      return decideInstall(wish, situation)
    case 'update':
      return decideUpdate(wish, situation)
    case 'uninstall':
      return decideUninstall(situation)
    case 'run':
      return decideRun(wish.running, situation)
  }
}

function decideInstall(wish: Wish & { kind: 'install' }, situation: Situation): Decision {
  const { installation: now, targetVersionCode } = situation
  const license = chooseLicense(wish, situation)
  const isKept = now.presence === 'PRESENT' && now.packageId !== null
  const packageId = wish.target?.packageId ?? (isKept ? now.packageId : null)
  if (packageId === null) throw new Error('An install needs a package.')
  const versionCode = wish.target?.versionCode ?? targetVersionCode
  requireWayBack(situation, { versionCode, allowDowngrade: wish.allowDowngrade })
  const desiredRunningState = wish.start ? 'RUNNING' : now.presence === 'PRESENT' ? now.desiredRunningState : null
  const sameWish =
    now.presence === 'PRESENT' &&
    now.packageId === packageId &&
    now.desiredRunningState === desiredRunningState &&
    (now.allowDowngrade || now.settled || !wish.allowDowngrade) &&
    license.kind === 'use' &&
    license.licenseId === now.licenseId
  if (sameWish && !now.settled) return { kind: 'unchanged', status: 202 }
  if (sameWish && isAsWished(now, desiredRunningState, versionCode)) return { kind: 'unchanged', status: 200 }
  const isOnCamera = now.present && now.installationState !== 'UNINSTALLING'
  const differs = now.installedVersionCode !== versionCode
  return {
    kind: 'change',
    set: {
      presence: 'PRESENT',
      packageId,
      desiredRunningState,
      installationState: !isOnCamera ? 'PENDING' : differs ? 'UPDATING' : 'INSTALLED',
      allowDowngrade: wish.allowDowngrade,
    },
    license,
  }
}

function decideUpdate({ target, allowDowngrade }: Wish & { kind: 'update' }, situation: Situation): Decision {
  const { installation: now } = situation
  requireInstalled(now)
  if (allowDowngrade) requireWayBack(situation, { versionCode: target.versionCode, allowDowngrade })
  const isThere = (installed: number) =>
    allowDowngrade ? installed === target.versionCode : installed >= target.versionCode
  // the version came and the app would not start: asked again, it is tried again. On a way back a failed update says nothing
  // of the version that the device has kept
  const isFailed = now.settled && now.installationState === 'UPDATE_FAILED' && !allowDowngrade
  const isFollowed = now.drift === 'VERSION_CHANGED' && now.installedVersionCode === target.versionCode
  if (
    now.present &&
    now.installedVersionCode !== null &&
    isThere(now.installedVersionCode) &&
    !isFailed &&
    !isFollowed
  ) {
    if (now.settled || now.packageId !== target.packageId) return { kind: 'unchanged', status: now.settled ? 200 : 202 }
  }
  if (now.packageId === target.packageId && !now.settled) return { kind: 'unchanged', status: 202 }
  return {
    kind: 'change',
    set: {
      presence: 'PRESENT',
      packageId: target.packageId,
      desiredRunningState: now.desiredRunningState,
      installationState: stateOfUpdate(now, allowDowngrade),
      allowDowngrade,
    },
    license: licenseOfUpdate(target, situation),
  }
}

function stateOfUpdate(now: InstallationRow, allowDowngrade: boolean): InstallationRow['installationState'] {
  if (now.present) return 'UPDATING'
  if (now.drift !== 'REMOVED') return now.installationState
  // one that was removed for a lower version and is tried again keeps its license when that fails too
  return allowDowngrade ? 'UPDATING' : 'PENDING'
}

function decideUninstall({ installation: now, device }: Situation): Decision {
  if (now.presence === null && !now.present) return { kind: 'unchanged', status: 200 }
  if (now.presence === null && !now.managed) {
    throw new ProblemError(
      'state-conflict',
      'This app was not installed by the platform, so it is not removed by it. Install it here first to take it over.',
    )
  }
  if (now.presence === 'ABSENT' && !now.settled) return { kind: 'unchanged', status: 202 }
  const isUnsent =
    device?.sentAt == null || (now.requestedAt !== null && Date.parse(device.sentAt) < Date.parse(now.requestedAt))
  if (now.installationState === 'PENDING' && !now.present && isUnsent) return { kind: 'cancel' }
  return {
    kind: 'change',
    set: {
      presence: 'ABSENT',
      packageId: now.packageId,
      desiredRunningState: null,
      installationState: 'UNINSTALLING',
      allowDowngrade: false,
    },
    license: { kind: 'keep' },
  }
}

function decideRun(running: DesiredRunningState, { installation: now, held }: Situation): Decision {
  requireInstalled(now)
  if (running === 'RUNNING' && !held.some((license) => license.licenseId === now.licenseId)) {
    throw new ProblemError(
      'license-expired',
      now.licenseId === null
        ? 'The license of this app was given back, so it is not started. Install the app with another license.'
        : 'The license of this app has expired, so it is not started. Renew it, or install the app with another license.',
    )
  }
  const agrees = now.runningState === running && now.drift === null && now.error === null
  if (now.desiredRunningState === running && !now.settled) return { kind: 'unchanged', status: 202 }
  if (now.settled && agrees && (now.desiredRunningState ?? running) === running)
    return { kind: 'unchanged', status: 200 }
  return {
    kind: 'change',
    set: {
      presence: 'PRESENT',
      packageId: now.packageId,
      desiredRunningState: running,
      installationState: now.drift === 'REMOVED' ? 'PENDING' : now.installationState,
      // a version that is on its way goes on
      allowDowngrade: now.allowDowngrade,
    },
    license: { kind: 'keep', ...(running === 'RUNNING' && now.licenseId ? { whileHeld: now.licenseId } : {}) },
  }
}

/** A lower version goes over a higher one where it was asked for so, and the camera's driver has a way. */
function requireWayBack(
  { installation: now, device }: Situation,
  { versionCode, allowDowngrade }: { versionCode: number | null; allowDowngrade: boolean },
): void {
  if (!now.present || now.installedVersionCode === null || versionCode === null) return
  if (versionCode >= now.installedVersionCode) return
  const way = device?.appDowngrade ?? 'NONE'
  if (way === 'NONE') {
    throw new ProblemError(
      'downgrade',
      `Version ${now.installedVersion} is installed and this camera cannot go back. Uninstall first; the app's data is lost then.`,
    )
  }
  if (allowDowngrade) return
  const price =
    way === 'REINSTALL'
      ? 'the app is removed for that and installed anew on this camera, so its data is lost'
      : 'the app is left with the data that the newer version wrote'
  throw new ProblemError(
    'downgrade',
    `Version ${now.installedVersion} is installed, which is newer. Send "allowDowngrade": true to go back; ${price}.`,
  )
}

/** The license that must still be held when the change is written; null: none. */
export function neededLicense(license: LicenseChange): string | null {
  if (license.kind === 'use') return license.licenseId
  return license.kind === 'keep' ? (license.whileHeld ?? null) : null
}

/** A held license as good as the one asked for is used before a unit is taken. */
function chooseLicense({ licenseType, target }: Wish & { kind: 'install' }, situation: Situation): LicenseChange {
  if (target?.asksForVendorKey ?? situation.asksForVendorKey) return chooseVendorKey(situation)
  const { trialUsed } = situation
  const best = bestOfOurs(situation)
  if (best && rank[best.licenseType] >= rank[licenseType]) return { kind: 'use', licenseId: best.licenseId }
  if (licenseType === 'TRIAL' && trialUsed) {
    throw new ProblemError(
      'trial-used',
      'The trial of this app was used on this device before. Buy a FULL or SUBSCRIPTION license.',
    )
  }
  return { kind: 'reserve', licenseType }
}

/** A key of the vendor opens nothing here, and anybody can upload one. */
function bestOfOurs({ held }: Situation): HeldLicense | undefined {
  const ours = held.filter(({ issuer }) => issuer === 'PLATFORM')
  return ours.sort((a, b) => rank[b.licenseType] - rank[a.licenseType])[0]
}

/** An update keeps the license, unless the new version runs on licenses of the other kind. It never spends a unit that nobody named. */
function licenseOfUpdate(target: TargetPackage, situation: Situation): LicenseChange {
  if (target.asksForVendorKey === situation.asksForVendorKey) return { kind: 'keep' }
  if (target.asksForVendorKey) return chooseVendorKey(situation)
  const best = bestOfOurs(situation)
  if (best) return { kind: 'use', licenseId: best.licenseId }
  const { version } = target
  throw new ProblemError(
    'state-conflict',
    `Version ${version} no longer runs on a key of the camera's vendor but on a license of this platform, and the device holds none. Install ${version} with PUT and a license type.`,
  )
}

function chooseVendorKey({ held }: Situation): LicenseChange {
  const key = held.find(({ issuer }) => issuer === 'VENDOR')
  if (key) return { kind: 'use', licenseId: key.licenseId }
  throw vendorKeyMissing()
}

function isAsWished(now: InstallationRow, running: DesiredRunningState | null, versionCode: number | null): boolean {
  return (
    now.present &&
    now.installationState === 'INSTALLED' &&
    now.installedVersionCode === versionCode &&
    now.drift === null &&
    now.error === null &&
    (running === null || now.runningState === running)
  )
}

function requireInstalled(now: InstallationRow): void {
  const isComing = now.presence === 'PRESENT' && !now.settled
  if (now.managed && now.presence === 'PRESENT' && (now.present || isComing || now.drift === 'REMOVED')) return
  throw new ProblemError(
    'app-not-installed',
    'The app is not installed on this device by the platform. Install it first.',
  )
}
