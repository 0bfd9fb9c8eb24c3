import type { BundlePackage, BundleRequest } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import type { Database } from '../../platform/database/database.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { appVisibleTo } from '../apps/app-store.ts'
import { findFittingPackage, type PackageTarget } from '../apps/fitting-package.ts'

export type BundleApp = BundleRequest['apps'][number]
export type BundleDevice = PackageTarget & { deviceId: string }

/** One app for one device: with the package that fits, or the reason why none does. */
export interface PlannedPair {
  app: BundleApp
  device: BundleDevice
  packageId: string | null
  detail: string | null
}

const maxPairs = 5000

/** Which package goes to which device, by what is said of the devices and what is known of them. Writes nothing. */
export async function planBundle(
  context: Context,
  request: BundleRequest,
): Promise<{ pairs: PlannedPair[]; packages: BundlePackage[] }> {
  const { apps } = request
  if (new Set(apps.map(({ appId }) => appId)).size < apps.length) {
    throw new ProblemError('invalid-request', 'The same app is named twice: name each app once.')
  }
  if (apps.length * request.devices.length > maxPairs) {
    throw new ProblemError('invalid-request', `One bundle takes ${maxPairs} installations at most. Make several.`)
  }
  await requireApps(context, apps)
  const devices = await readDevices(context, request.devices)
  const fitting = memoizedFitting(context.db)
  const pairs: PlannedPair[] = []
  for (const device of devices) {
    for (const app of apps) pairs.push({ app, device, ...(await fitting(app, device)) })
  }
  const packages = await readPackages(
    context.db,
    pairs.flatMap(({ packageId }) => packageId ?? []),
  )
  return { pairs, packages }
}

async function requireApps({ db, caller }: Context, apps: BundleApp[]): Promise<void> {
  for (const { appId } of apps) {
    const { rows } = await sql`SELECT 1 FROM app a WHERE a.app_id = ${appId} AND ${appVisibleTo(caller)}`.execute(db)
    if (rows.length === 0) throw notFound(`The app ${appId}`)
  }
}

interface KnownDevice extends PackageTarget {
  deviceId: string
  isVisible: boolean
}

async function readDevices({ db, caller }: Context, wanted: BundleRequest['devices']): Promise<BundleDevice[]> {
  const ids = wanted.map(({ deviceId }) => deviceId)
  const { rows } = await sql<KnownDevice>`
    SELECT d.device_id AS "deviceId", d.app_formats AS "appFormats", d.architecture, d.platform_level AS "platformLevel",
      d.firmware_version AS "firmwareVersion", d.unsigned_apps AS "unsignedApps",
      ${seesProjects(caller, sql.ref('d.project_ids'))} AS "isVisible"
    FROM device d WHERE d.account_id = ${caller.accountId} AND d.device_id = ANY(${ids}::text[])`.execute(db)
  const known = new Map(rows.map((row) => [row.deviceId, row]))
  const devices = new Map<string, BundleDevice>()
  for (const { deviceId, formats, ...said } of wanted) {
    const device = known.get(deviceId)
    if (device && !device.isVisible) throw notFound(`The device ${deviceId}`)
    devices.set(deviceId, {
      deviceId,
      appFormats: formats ?? device?.appFormats ?? [],
      architecture: said.architecture ?? device?.architecture ?? null,
      platformLevel: said.platformLevel ?? device?.platformLevel ?? null,
      firmwareVersion: said.firmwareVersion ?? device?.firmwareVersion ?? null,
      unsignedApps: said.unsignedApps ?? device?.unsignedApps ?? null,
    })
  }
  return [...devices.values()]
}

type Fit = Pick<PlannedPair, 'packageId' | 'detail'>

/** A site has many cameras of few kinds: each kind is looked at once. */
function memoizedFitting(db: Database): (app: BundleApp, device: BundleDevice) => Promise<Fit> {
  const known = new Map<string, Promise<Fit>>()
  return (app, { deviceId: _, ...facts }) => {
    const key = JSON.stringify([app.appId, app.version, facts])
    const fit = known.get(key) ?? findFit(db, app, facts)
    known.set(key, fit)
    return fit
  }
}

async function findFit(db: Database, { appId, version }: BundleApp, device: PackageTarget): Promise<Fit> {
  const found = await findFittingPackage(db, { device, appId, version })
  switch (found.kind) {
    case 'none-published':
      throw notFound(`A published version of the app ${appId}`)
    case 'unknown-version':
      throw notFound(`Version ${version} of the app ${appId}`)
    case 'incompatible':
      return { packageId: null, detail: found.detail }
    case 'fits':
      return (
        (await findDoubt(db, { appId, device, versionCode: found.package.versionCode })) ?? {
          packageId: found.package.packageId,
          detail: null,
        }
      )
  }
}

/** A package for the wrong processor is found out at the camera only, so what is not known is asked for. */
async function findDoubt(
  db: Database,
  { appId, device, versionCode }: { appId: string; device: PackageTarget; versionCode: number },
): Promise<Fit | null> {
  if (device.architecture !== null) return null
  const { rows } = await sql<{ architectures: string[] }>`SELECT architectures FROM app_package
    WHERE app_id = ${appId} AND version_code = ${versionCode}
      AND (cardinality(${device.appFormats}::text[]) = 0 OR format = ANY(${device.appFormats}::text[]))`.execute(db)
  const choices = [...new Set(rows.flatMap((row) => row.architectures))].sort()
  if (rows.length < 2 || choices.length < 2) return null
  const detail = `There are packages for ${choices.join(', ')}: say the architecture of the device.`
  return { packageId: null, detail }
}

async function readPackages(db: Database, packageIds: string[]): Promise<BundlePackage[]> {
  const { rows } = await sql<BundlePackage>`
    SELECT p.package_id AS "packageId", p.app_id AS "appId", v.version, p.version_code AS "versionCode", p.format, p.architectures,
      p.min_platform_level AS "minPlatformLevel", p.size, p.sha256
    FROM app_package p JOIN app_version v ON v.app_id = p.app_id AND v.version_code = p.version_code
    WHERE p.package_id = ANY(${packageIds}::uuid[]) ORDER BY p.app_id, p.package_id`.execute(db)
  return rows
}
