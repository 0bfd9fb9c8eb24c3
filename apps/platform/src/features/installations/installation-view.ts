import type { Installation, LicenseState } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import { byPlace } from '../../platform/database/by-place.ts'
import type { Database } from '../../platform/database/database.ts'
import { newestFitting } from '../apps/fitting-package.ts'
import { licenseCheckedBy } from '../apps/license-checked-by.ts'
import { licenseExpired } from './expiry-rules.ts'
import { emptyInstallation, type Pair } from './situation.ts'

export interface ViewRow {
  account_id: string
  app_id: string
  device_id: string
  name: string | null
  managed: boolean
  present: boolean
  installation_state: Installation['installationState']
  running_state: Installation['runningState']
  desired_running_state: Installation['desiredRunningState']
  settled: boolean
  updatable: boolean
  installed_version: string | null
  target_version: string | null
  latest_version: string | null
  progress: Installation['progress']
  drift: Installation['drift']
  queued: boolean
  revision: number
  license_id: string | null
  license_type: NonNullable<Installation['license']>['licenseType'] | null
  valid_until: string | null
  license_state: LicenseState | null
  expired_at: string | null
  license_checked_by: Installation['licenseCheckedBy']
  is_wished: boolean
  error: Installation['error']
  requested_at: string | null
  updated_at: string | null
  observed_at: string | null
}

/** Of the version that is wished, else of the one that is there. */
const checkedBy = licenseCheckedBy({
  versionCode: sql`coalesce(CASE WHEN i.presence = 'PRESENT' THEN tp.version_code END, i.installed_version_code)`,
  driver: sql`d.driver`,
})

/** The columns of ViewRow, from the tables or from what the same statement writes. */
export function selectView({
  installation = sql`installation`,
  justReserved,
}: {
  installation?: RawBuilder<unknown>
  /** Licenses that the same statement inserts, and that `license` does not show yet. */
  justReserved?: RawBuilder<unknown>
} = {}): RawBuilder<ViewRow> {
  return sql<ViewRow>`
    SELECT i.account_id, i.app_id, i.device_id, coalesce(a.name, i.name) AS name, i.managed, i.present, i.installation_state, i.running_state,
      i.desired_running_state, i.settled, i.updatable, i.installed_version, i.progress, i.drift, i.queued, i.revision, i.error,
      i.requested_at, i.updated_at, i.observed_at, l.license_id, l.license_type, l.valid_until, l.state AS license_state,
      l.expired_at, ${checkedBy} AS license_checked_by, i.presence IS NOT DISTINCT FROM 'PRESENT' AS is_wished,
      CASE WHEN i.presence = 'PRESENT' THEN target.version END AS target_version,
      (SELECT newest.version FROM ${newestFitting(sql.ref('i.app_id'))}) AS latest_version
    FROM ${installation} i
    JOIN device d ON d.account_id = i.account_id AND d.device_id = i.device_id
    LEFT JOIN app a ON a.app_id = i.app_id AND (i.managed OR a.account_id = i.account_id OR a.visibility = 'LISTED')
    LEFT JOIN LATERAL (
      SELECT license_id, license_type, valid_until, state, expired_at FROM license l WHERE l.license_id = i.license_id
      ${justReserved ? sql`UNION ALL SELECT license_id, license_type, valid_until, state, expired_at FROM ${justReserved} r WHERE r.license_id = i.license_id` : sql``}
    ) l ON true
    LEFT JOIN app_package tp ON tp.package_id = i.package_id
    LEFT JOIN app_version target ON target.app_id = tp.app_id AND target.version_code = tp.version_code`
}

function select(accountId: string, where: RawBuilder<unknown>): RawBuilder<ViewRow> {
  return sql<ViewRow>`${selectView()} WHERE i.account_id = ${accountId} AND ${where} ORDER BY i.app_id`
}

/** The installation as the API shows it; a pair never installed is NOT_INSTALLED. */
export async function viewInstallation(db: Database, accountId: string, pair: Pair): Promise<Installation> {
  const { rows } = await select(accountId, sql`i.device_id = ${pair.deviceId} AND i.app_id = ${pair.appId}`).execute(db)
  return rows[0] ? toInstallation(rows[0]) : neverInstalled(pair)
}

/** The same of many pairs by one statement. */
export async function viewInstallations<Key>(
  db: Database,
  pairs: Map<Key, Pair & { accountId: string }>,
): Promise<Map<Key, Installation>> {
  if (pairs.size === 0) return new Map()
  const given = [...pairs.values()].map(({ accountId, appId, deviceId }, place) => ({
    ...{ one: 1, place, accountId, appId, deviceId },
  }))
  // `one` is always so, and why: see readSituations
  const { rows } = await sql<ViewRow & { place: number }>`
    SELECT g.place, v.* FROM jsonb_to_recordset(${JSON.stringify(given)}::jsonb)
      AS g(place integer, "accountId" uuid, "appId" text, "deviceId" text, one integer)
    CROSS JOIN LATERAL (${selectView()}
      WHERE i.account_id = g."accountId" AND i.device_id = g."deviceId" AND i.app_id = g."appId") v
    WHERE g.one = 1`.execute(db)
  const found = byPlace([...pairs.keys()], rows)
  return new Map(
    pairs.entries().map(([key, pair]) => {
      const row = found.get(key)
      return [key, row ? toInstallation(row) : neverInstalled(pair)]
    }),
  )
}

/** Apps that are on a device, or on their way there or away. */
export async function listInstallations(db: Database, accountId: string, deviceId: string): Promise<Installation[]> {
  const { rows } = await select(
    accountId,
    sql`i.device_id = ${deviceId} AND (i.present OR i.presence IS NOT NULL OR NOT i.settled OR i.error IS NOT NULL)`,
  ).execute(db)
  return rows.map(toInstallation)
}

export function toInstallation(row: ViewRow): Installation {
  const isHeld = row.license_state === 'RESERVED' || row.license_state === 'VALID'
  const hasExpired = row.license_state === 'EXPIRED' && row.is_wished
  return {
    appId: row.app_id,
    deviceId: row.device_id,
    name: row.name,
    managed: row.managed,
    installationState: row.installation_state,
    runningState: row.running_state,
    desiredRunningState: row.desired_running_state,
    settled: row.settled,
    updatable: row.updatable,
    installedVersion: row.present ? row.installed_version : null,
    targetVersion: row.target_version,
    latestVersion: row.latest_version,
    progress: row.progress,
    drift: row.drift,
    queued: row.queued,
    revision: row.revision,
    license:
      isHeld && row.license_id && row.license_type
        ? { licenseId: row.license_id, licenseType: row.license_type, validUntil: row.valid_until }
        : null,
    licenseCheckedBy: row.license_checked_by,
    // shown for as long as it is so, whatever else goes well or badly meanwhile
    error: hasExpired ? licenseExpired(row.expired_at ?? row.updated_at ?? '') : row.error,
    requestedAt: row.requested_at,
    updatedAt: row.updated_at,
    observedAt: row.observed_at,
  }
}

function neverInstalled({ appId, deviceId }: Pair): Installation {
  const { installationState, runningState, managed, settled, queued, revision } = emptyInstallation
  return {
    appId,
    deviceId,
    name: null,
    managed,
    installationState,
    runningState,
    desiredRunningState: null,
    settled,
    updatable: false,
    installedVersion: null,
    targetVersion: null,
    latestVersion: null,
    progress: null,
    drift: null,
    queued,
    revision,
    license: null,
    licenseCheckedBy: null,
    error: null,
    requestedAt: null,
    updatedAt: null,
    observedAt: null,
  }
}
