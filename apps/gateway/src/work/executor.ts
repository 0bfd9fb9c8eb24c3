import { isDeepStrictEqual } from 'node:util'
import type { AppConfiguration, LicenseCheckedBy, LicensePlacement } from '@ocelli/contract'
import type { Driver, InstalledApp } from '@ocelli/driver'
import type { PackageCache, PackageLease } from '../packages/package-cache.ts'
import type { SiteRates } from '../packages/site-rates.ts'
import type { Clock } from '../state/clock.ts'
import type { CameraLink } from './camera-link.ts'
import type { IssuedLicense } from './license-desk.ts'
import type { Action } from './planner.ts'
import { makeWay, restore } from './reinstall-steps.ts'
import type { SavedConfigurations } from './saved-configurations.ts'
import { type DeadlineOptions, LeftBehindError, withDeadline } from './step-deadline.ts'
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
  configurations: SavedConfigurations
  /** How fast packages go to cameras. */
  uploads: Pick<SiteRates, 'take' | 'needsMs'>
  siteId: () => string
  /** The camera has answered within a step, or has taken some of a package. */
  noteAnswer: () => void
  askLicense(request: { appId: string; licenseId: string }, signal: AbortSignal): Promise<IssuedLicense>
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

/**
 * What a finished step learned: the app as listed after an upload; who looks at a placed license, and where it lies; what became of a
 * configuration.
 */
export interface StepFindings {
  configuration?: AppConfiguration
  app?: InstalledApp
  licenseCheckedBy?: LicenseCheckedBy
  licensePlacement?: LicensePlacement | null
}

type StepTable = {
  [Kind in Action['kind']]: (request: StepRequest<Kind>, tools: StepTools) => Promise<StepFindings>
}

const pollMs = 2_000

const steps: StepTable = {
  async download({ appId, action, signal, onProgress }, { packages, leases, siteId }) {
    const report = ({ percent }: { percent: number }) => onProgress({ step: 'DOWNLOAD', percent: Math.floor(percent) })
    const request = { appId, siteId: siteId(), signal, onProgress: report }
    leases.hold(action.package.packageId, await packages.acquire(action.package, request))
    return {}
  },
  async upload({ action, signal, onProgress }, { link, leases, uploads, siteId, noteAnswer }) {
    const lease = leases.get(action.package.packageId)
    if (!lease) throw new WorkError({ ...missingPackage, detail: 'The package is no longer on the disk.' })
    const report = (progress: StepProgress) => {
      noteAnswer()
      onProgress({ ...progress, percent: progress.percent === null ? null : Math.floor(progress.percent) })
    }
    const siteIds = [siteId()]
    const pace = (bytes: number, until: AbortSignal) => {
      // the next piece is asked for when the camera has taken most of those before
      noteAnswer()
      return uploads.take(bytes, { siteIds, signal: until })
    }
    const install = (driver: Driver) => driver.install(lease.localPackage, { signal, onProgress: report, pace })
    return { app: await link.write(install, { signal }) }
  },
  async license({ appId, action, signal }, { link, askLicense }) {
    const issued = await askLicense({ appId, licenseId: action.licenseId }, signal)
    const { placement } = issued
    const place = (driver: Driver) => driver.placeLicense({ appId, ...issued }, { signal })
    const { checkedBy } = await link.write(place, { signal })
    const { replaced } = action
    // the app is never without one: the new license lies there before the old one goes
    if (replaced !== undefined && !isDeepStrictEqual(replaced, placement)) {
      await link.write(async (driver) => driver.removeLicense?.({ appId, placement: replaced }, { signal }), { signal })
    }
    return { licenseCheckedBy: checkedBy, licensePlacement: placement }
  },
  async 'take-license'({ appId, action: { placement }, signal }, { link }) {
    await link.write(async (driver) => driver.removeLicense?.({ appId, placement }, { signal }), { signal })
    return {}
  },
  async start({ appId, signal }, { link }) {
    await link.write((driver) => driver.start(appId, { signal }), { signal })
    return {}
  },
  async stop({ appId, signal }, { link }) {
    await link.write((driver) => driver.stop(appId, { signal }), { signal })
    return {}
  },
  async uninstall({ appId, signal }, { link, configurations }) {
    await link.write((driver) => driver.uninstall(appId, { signal }), { signal })
    await configurations.drop(appId)
    return {}
  },
  async 'make-way'({ appId, action: { isLastTry }, signal }, tools) {
    await makeWay({ appId, isLastTry, signal }, tools)
    return {}
  },
  async restore({ appId, action: { isLastTry }, signal }, tools) {
    return { configuration: await restore({ appId, isLastTry, signal }, tools) }
  },
  async 'await-camera'({ appId, signal }, { link, noteAnswer, clock }) {
    for (;;) {
      const apps = await link.read((driver) => driver.listApps({ signal }))
      noteAnswer()
      const app = apps.find((candidate) => candidate.appId === appId)
      if (app?.state !== 'INSTALLING' && app?.state !== 'UNINSTALLING') return {}
      await clock.sleep(pollMs, signal)
    }
  },
}

const missingPackage = { category: 'internal', code: 'package-missing', retryable: true } as const

/**
 * Carries out one action within `timeoutMs` and gives what it learned.
 * Throws what the driver, the package cache or the license exchange threw, or `timeoutError`.
 */
export function executeStep(
  request: StepRequest,
  limits: Pick<DeadlineOptions, 'timeoutMs' | 'leftMs' | 'timeoutError'>,
  tools: StepTools,
): Promise<StepFindings> {
  const run = steps[request.action.kind] as (request: StepRequest, tools: StepTools) => Promise<StepFindings>
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
