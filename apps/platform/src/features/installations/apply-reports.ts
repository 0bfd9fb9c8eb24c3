import type { DeviceReport } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { byPlatform, type EventOrigin, emitEvents, type NewEvent } from '../../platform/events/emit.ts'
import { bestPackageFirst } from '../apps/fitting-package.ts'
import { refreshUpdatable } from '../apps/refresh-updatable.ts'
import { eventsOf, type GivenReport, type LockedDevice, type ReportBatch, writeDevices } from './device-reports.ts'
import {
  type ChangedInstallation,
  type LockedInstallation,
  lockedColumns,
  type SettledPair,
  settledOf,
  withLicenseStates,
  writeOutcomes,
} from './installation-batch.ts'
import { applyAppReport, type Observed, type ReportedApp } from './report-rules.ts'
import { emptyInstallation } from './situation.ts'

export interface ReportAck {
  gatewayId: string
  deviceId: string
  seq: number
}

/**
 * Applies whole device states in one transaction. Only a greater (session, seq) of the device's present gateway,
 * assignment and session counts; whatever does not is acknowledged all the same, since sending it again helps nobody.
 */
export async function applyReports(
  db: Database,
  batches: ReportBatch[],
  /** Called after COMMIT. */
  onSettled: (pairs: SettledPair[]) => void = () => {},
): Promise<ReportAck[]> {
  const newest = new Map<string, { batch: ReportBatch; report: DeviceReport }>()
  for (const batch of batches) {
    for (const report of batch.reports) {
      const key = `${batch.gateway.gatewayId}/${report.deviceId}`
      const known = newest.get(key)
      if (!known || isNewer({ batch, report }, known)) newest.set(key, { batch, report })
    }
  }
  const given = [...newest.values()]
  if (given.length === 0) return []
  const settled = await inTransaction(db, async (transaction) => {
    const devices = await writeDevices(transaction, given)
    if (devices.length === 0) return []
    const changes = await decideChanges(transaction, { devices, given })
    await writeOutcomes(transaction, changes, byPlatform)
    await refresh(transaction, { devices, changes })
    return settledOf(changes)
  })
  onSettled(settled)
  return given.map(({ batch, report }) => ({
    gatewayId: batch.gateway.gatewayId,
    deviceId: report.deviceId,
    seq: report.seq,
  }))
}

function isNewer(a: GivenReport, b: GivenReport): boolean {
  return a.batch.session === b.batch.session ? a.report.seq > b.report.seq : a.batch.session > b.batch.session
}

async function decideChanges(
  db: DatabaseTransaction,
  { devices, given }: { devices: LockedDevice[]; given: GivenReport[] },
): Promise<ChangedInstallation[]> {
  const keys = JSON.stringify(devices.map(({ accountId, deviceId }) => ({ accountId, deviceId, one: 1 })))
  const { rows: locked } = await sql<LockedInstallation>`
    SELECT ${lockedColumns} FROM jsonb_to_recordset(${keys}::jsonb) AS k("accountId" uuid, "deviceId" text, one integer)
    JOIN installation i ON i.account_id = k."accountId" AND i.device_id = k."deviceId"
    JOIN device d ON d.account_id = i.account_id AND d.device_id = i.device_id
    -- always so, and why: see readSituations
    WHERE one = 1
    ORDER BY i.account_id, i.device_id, i.app_id FOR UPDATE OF i`.execute(db)
  const rows = await withLicenseStates(db, locked)
  const packages = await readPackages(db, given)
  const installed = Map.groupBy(rows, ({ accountId, deviceId }) => `${accountId}/${deviceId}`)
  const reports = new Map(given.map(({ batch, report }) => [`${batch.gateway.gatewayId}/${report.deviceId}`, report]))
  const changes: ChangedInstallation[] = []
  const seen: NewEvent[] = []
  for (const device of devices) {
    const report = reports.get(`${device.gatewayId}/${device.deviceId}`)
    if (!report) continue
    const known = installed.get(`${device.accountId}/${device.deviceId}`) ?? []
    const origin = byGateway(device.gatewayId)
    seen.push(...eventsOf(device, report).map((event) => ({ ...event, origin })))
    for (const [appId, reported] of reportedApps(report, known, packages)) {
      const before = known.find((row) => row.appId === appId) ?? unknownInstallation(device, { appId, report })
      const code = reported.observed?.versionCode ?? null
      const outcome = applyAppReport(before, reported, {
        wasGivenBack: before.wasGivenBack,
        targetVersion: before.targetVersion,
        targetVersionCode: before.targetVersionCode,
        observedPackageId: ownPackage(packages.byCode.get(`${appId}/${code}`) ?? [], { device, before }),
        licenseState: before.licenseState,
        repair: device.repair,
      })
      const isKnown = known.includes(before)
      if (!isKnown && !outcome.row.present) continue
      changes.push({ before, outcome, isObserved: reported.observed !== null, origin })
    }
  }
  await emitEvents(db, byPlatform, seen)
  return changes
}

interface Packages {
  codes: Map<string, number>
  byCode: Map<string, PublishedPackage[]>
}

interface PublishedPackage {
  packageId: string
  architectures: string[]
}

/** Version codes of the version names that cameras report, for apps that we published. */
async function readPackages(db: DatabaseTransaction, given: GivenReport[]): Promise<Packages> {
  const appIds = [...new Set(given.flatMap(({ report }) => (report.apps ?? []).map((app) => app.appId)))]
  const codes = new Map<string, number>()
  const byCode = new Map<string, PublishedPackage[]>()
  if (appIds.length === 0) return { codes, byCode }
  const { rows } = await sql<{ app_id: string; version: string; version_code: number; packages: PublishedPackage[] }>`
    SELECT v.app_id, v.version, v.version_code, coalesce((SELECT jsonb_agg(jsonb_build_object('packageId', p.package_id,
        'architectures', p.architectures) ORDER BY ${bestPackageFirst}) FROM app_package p
      WHERE p.app_id = v.app_id AND p.version_code = v.version_code), '[]') AS packages
    FROM app_version v WHERE v.app_id = ANY(${appIds})`.execute(db)
  for (const row of rows) {
    codes.set(`${row.app_id}/${row.version}`, row.version_code)
    const listed = `${row.app_id}/${asAxisLists(row.version)}`
    if (!codes.has(listed)) codes.set(listed, row.version_code)
    byCode.set(`${row.app_id}/${row.version_code}`, row.packages)
  }
  return { codes, byCode }
}

/** AXIS OS before 10.7 lists `1.2.3` as `1.2-3`, since it reads package.conf only. */
const asAxisLists = (version: string) => version.replace(/^(\d+\.\d+)\./, '$1-')

/** Which package of an observed version it is: the one that we sent, else the one for this device's architecture. */
function ownPackage(
  packages: readonly PublishedPackage[],
  { device, before }: { device: LockedDevice; before: LockedInstallation },
): string | null {
  const sent = packages.find(({ packageId }) => packageId === before.packageId)
  const fits = ({ architectures }: PublishedPackage) =>
    architectures.length === 0 || device.architecture === null || architectures.includes(device.architecture)
  return (sent ?? packages.find(fits) ?? packages[0])?.packageId ?? null
}

/** Every app that the report or the database knows on this device. What a read list does not name is not there. */
function reportedApps(
  report: DeviceReport,
  known: LockedInstallation[],
  { codes }: Packages,
): Map<string, ReportedApp> {
  const apps = new Map<string, ReportedApp>()
  const work = new Map(report.work.map((item) => [item.appId, item]))
  const absent: Observed = { present: false, version: null, runningState: 'UNKNOWN', versionCode: null }
  for (const { appId } of known)
    apps.set(appId, { observed: report.apps ? absent : null, work: work.get(appId) ?? null })
  for (const app of report.apps ?? []) {
    const versionCode = app.version === null ? null : (codes.get(`${app.appId}/${app.version}`) ?? null)
    apps.set(app.appId, {
      observed: { present: app.present, version: app.version, runningState: app.runningState, versionCode },
      work: app.work ?? work.get(app.appId) ?? null,
    })
  }
  return apps
}

function unknownInstallation(
  device: LockedDevice,
  { appId, report }: { appId: string; report: DeviceReport },
): LockedInstallation {
  return {
    ...emptyInstallation,
    accountId: device.accountId,
    deviceId: device.deviceId,
    appId,
    name: report.apps?.find((app) => app.appId === appId)?.name ?? null,
    projectIds: device.projectIds,
    wasGivenBack: false,
    targetVersion: null,
    targetVersionCode: null,
    licenseState: null,
    hasOtherLicense: false,
  }
}

const byGateway = (id: string): EventOrigin => ({ actor: { kind: 'gateway', id }, requestId: null })

async function refresh(
  db: DatabaseTransaction,
  { devices, changes }: { devices: LockedDevice[]; changes: ChangedInstallation[] },
): Promise<void> {
  const moved = changes.filter(
    ({ before, outcome }) =>
      before.installedVersionCode !== outcome.row.installedVersionCode ||
      before.present !== outcome.row.present ||
      before.managed !== outcome.row.managed ||
      // an app that was adopted: managed since the request, which refreshes nothing
      before.settled !== outcome.row.settled,
  )
  const ids = new Map<string, Set<string>>()
  for (const { accountId, deviceId } of [
    ...devices.filter((d) => d.factsChanged),
    ...moved.map(({ before }) => before),
  ]) {
    ids.set(accountId, (ids.get(accountId) ?? new Set()).add(deviceId))
  }
  for (const [accountId, deviceIds] of ids) await refreshUpdatable(db, { accountId, deviceIds: [...deviceIds] })
}
