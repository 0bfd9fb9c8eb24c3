import type { InstalledApp } from '@ocelli/driver'
import type { PackageCache, PackageLease } from '../packages/package-cache.ts'
import type { Clock } from '../state/clock.ts'
import type { CameraLink } from './camera-link.ts'
import type { Action } from './planner.ts'
import { LeftBehindError, withDeadline } from './step-deadline.ts'
import { WorkError } from './work-error.ts'

/** What a running step tells on its way; an upload turns into INSTALL once the camera has the whole package. */
export interface StepProgress {
  step: Action['step']
  percent: number | null
}

export interface StepTools {
  link: CameraLink
  packages: PackageCache
  leases: PackageLeases
  askLicense(request: { appId: string; licenseId: string }, signal: AbortSignal): Promise<string>
  clock: Clock
}

export interface StepRequest<Kind extends Action['kind'] = Action['kind']> {
  appId: string
  action: Extract<Action, { kind: Kind }>
  signal: AbortSignal
  onProgress: (progress: StepProgress) => void
}

/** Packages held on disk for one device, by package id. */
export interface PackageLeases {
  get(packageId: string): PackageLease | undefined
  hold(packageId: string, lease: PackageLease): void
  /** Gives back all but those still wanted. */
  keepOnly(packageIds: ReadonlySet<string>): void
  packageIds(): ReadonlySet<string>
}

type StepTable = {
  [Kind in Action['kind']]: (request: StepRequest<Kind>, tools: StepTools) => Promise<InstalledApp | null>
}

const pollMs = 2_000

const steps: StepTable = {
  async download({ appId, action, signal, onProgress }, { packages, leases }) {
    const report = ({ percent }: { percent: number }) => onProgress({ step: 'DOWNLOAD', percent: Math.floor(percent) })
    leases.hold(action.package.packageId, await packages.acquire(action.package, { appId, signal, onProgress: report }))
    return null
  },
  async upload({ action, signal, onProgress }, { link, leases }) {
    const lease = leases.get(action.package.packageId)
    if (!lease) throw new WorkError({ ...missingPackage, detail: 'The package is no longer on the disk.' })
    const report = (progress: StepProgress) =>
      onProgress({ ...progress, percent: progress.percent === null ? null : Math.floor(progress.percent) })
    return link.write((driver) => driver.install(lease.localPackage, { signal, onProgress: report }), { signal })
  },
  async license({ appId, action, signal }, { link, askLicense }) {
    const license = await askLicense({ appId, licenseId: action.licenseId }, signal)
    await link.write((driver) => driver.placeLicense({ appId, license }, { signal }), { signal })
    return null
  },
  async start({ appId, signal }, { link }) {
    await link.write((driver) => driver.start(appId, { signal }), { signal })
    return null
  },
  async stop({ appId, signal }, { link }) {
    await link.write((driver) => driver.stop(appId, { signal }), { signal })
    return null
  },
  async uninstall({ appId, signal }, { link }) {
    await link.write((driver) => driver.uninstall(appId, { signal }), { signal })
    return null
  },
  async 'await-camera'({ appId, signal }, { link, clock }) {
    for (;;) {
      const apps = await link.read((driver) => driver.listApps({ signal }))
      const app = apps.find((candidate) => candidate.appId === appId)
      if (app?.state !== 'INSTALLING' && app?.state !== 'UNINSTALLING') return null
      await clock.sleep(pollMs, signal)
    }
  },
}

const missingPackage = { category: 'internal', code: 'package-missing', retryable: true } as const

/**
 * Carries out one action within `timeoutMs` and gives the app as the camera lists it after an upload, else null.
 * Throws what the driver, the package cache or the license exchange threw, or `timeoutError`.
 */
export function executeStep(
  request: StepRequest,
  limits: { timeoutMs: number; timeoutError: () => Error },
  tools: StepTools,
): Promise<InstalledApp | null> {
  const run = steps[request.action.kind] as (request: StepRequest, tools: StepTools) => Promise<InstalledApp | null>
  const deadline = { ...limits, clock: tools.clock, signal: request.signal }
  return withDeadline(deadline, (signal) => run({ ...request, signal }, tools)).catch(async (error: unknown) => {
    if (error instanceof LeftBehindError) await tools.link.abandon()
    throw error
  })
}

export function createPackageLeases(): PackageLeases {
  const leases = new Map<string, PackageLease>()
  return {
    get: (packageId) => leases.get(packageId),
    hold(packageId, lease) {
      leases.get(packageId)?.release()
      leases.set(packageId, lease)
    },
    keepOnly(packageIds) {
      for (const [packageId, lease] of leases) {
        if (packageIds.has(packageId)) continue
        lease.release()
        leases.delete(packageId)
      }
    },
    packageIds: () => new Set(leases.keys()),
  }
}
