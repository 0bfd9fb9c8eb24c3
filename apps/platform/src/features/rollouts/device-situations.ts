import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { asksForVendorKey } from '../apps/asks-for-vendor-key.ts'
import { firstCandidate, type PackageCandidate } from '../apps/fitting-package.ts'
import type { TargetPackage } from '../installations/request-rules.ts'
import { emptyInstallation, type InstallationRow, type Situation } from '../installations/situation.ts'

export interface Wanted {
  accountId: string
  appId: string
  /** Null: the newest up to `maxVersionCode`. */
  version: string | null
  maxVersionCode: number | null
  /** A rollback: its devices have a version of their own each. */
  rollbackOf?: string | null
  rolloutId?: string
  /** Reads also the package of the version that is installed now. */
  withPrevious?: boolean
}

export type Target =
  | { kind: 'fits'; package: TargetPackage; isSigned: boolean }
  | { kind: 'misfit'; candidate: PackageCandidate }
  | { kind: 'none' }

type Device = NonNullable<Situation['device']> & {
  siteId: string | null
  driver: string | null
  firmwareVersion: string | null
}

/** What a request about one device is decided on, and what a rollout needs beside it. */
export interface DeviceSituation extends Omit<Situation, 'device'> {
  deviceId: string
  device: Device | null
  target: Target
  /** The package of the installed version; `none` unless asked for. */
  previous: Target
  /** The versions between which a device of a rollback goes. */
  rollback: { fromVersionCode: number; toVersionCode: number } | null
  isInFlightElsewhere: boolean
}

interface Row {
  deviceId: string
  device: Device | null
  installation: InstallationRow | null
  targetVersionCode: number | null
  held: Situation['held'] | null
  trialUsed: boolean
  asksForVendorKey: boolean
  isInFlightElsewhere: boolean
  candidate: PackageCandidate | null
  installed: PackageCandidate | null
  rollback: DeviceSituation['rollback']
}

/** The situations of many devices by one statement, in no order; none of those that are gone. */
export async function readDeviceSituations(
  db: Database,
  wanted: Wanted,
  { deviceIds }: { deviceIds: string[] },
): Promise<DeviceSituation[]> {
  if (deviceIds.length === 0) return []
  const { accountId, appId, version, maxVersionCode } = wanted
  const versionCode = wanted.rollbackOf ? sql.ref('own.to_version_code') : undefined
  const rollback = wanted.rollbackOf
    ? sql`json_build_object('fromVersionCode', own.from_version_code, 'toVersionCode', own.to_version_code)`
    : sql`NULL::json`
  const own = wanted.rollbackOf
    ? sql`LEFT JOIN LATERAL (SELECT o.from_version_code, o.to_version_code FROM rollout_device o
        WHERE o.rollout_id = ${wanted.rolloutId}::uuid AND o.device_id = d.device_id OFFSET 0) own ON true`
    : sql``
  const installed = wanted.withPrevious
    ? firstCandidate({ appId, versionCode: sql.ref('i.installed_version_code') })
    : sql`NULL::jsonb`
  const { rows } = await sql<Row>`
    WITH given AS MATERIALIZED (
      SELECT d.device_id, d.state, d.connectivity, d.connectivity_reason, c.revision, c.sent_at, d.app_formats, d.architecture,
        d.platform_level, d.project_ids, d.site_id, d.driver, d.firmware_version,
        d.unsigned_apps, d.app_downgrade
      FROM device d JOIN device_channel c ON c.account_id = d.account_id AND c.device_id = d.device_id
      WHERE d.account_id = ${accountId} AND d.device_id = ANY(${deviceIds}::text[])
      ORDER BY d.device_id
    )
    SELECT d.device_id AS "deviceId",
      json_build_object('state', d.state, 'connectivity', d.connectivity, 'connectivityReason', d.connectivity_reason,
        'revision', d.revision, 'sentAt', d.sent_at, 'appFormats', d.app_formats, 'architecture', d.architecture,
        'platformLevel', d.platform_level, 'projectIds', d.project_ids, 'siteId', d.site_id, 'driver', d.driver,
        'firmwareVersion', d.firmware_version, 'unsignedApps', d.unsigned_apps,
        'appDowngrade', d.app_downgrade) AS device,
      CASE WHEN i.account_id IS NOT NULL THEN json_build_object('presence', i.presence, 'packageId', i.package_id,
        'desiredRunningState', i.desired_running_state, 'allowDowngrade', i.allow_downgrade, 'revision', i.revision, 'settled', i.settled, 'queued', i.queued,
        'requestedAt', i.requested_at, 'licenseId', i.license_id, 'installationState', i.installation_state, 'progress', i.progress,
        'error', i.error, 'drift', i.drift, 'managed', i.managed, 'present', i.present, 'installedVersion', i.installed_version,
        'installedVersionCode', i.installed_version_code, 'runningState', i.running_state) END AS installation,
      (SELECT p.version_code FROM app_package p WHERE p.package_id = i.package_id) AS "targetVersionCode",
      (SELECT json_agg(json_build_object('licenseId', l.license_id, 'licenseType', l.license_type, 'state', l.state,
         'issuer', l.issuer))
       FROM license l WHERE l.account_id = ${accountId} AND l.device_id = d.device_id AND l.app_id = ${appId}
         AND l.state IN ('RESERVED', 'VALID') AND (l.valid_until IS NULL OR l.valid_until > now())) AS held,
      EXISTS (SELECT 1 FROM trial_issued t WHERE t.account_id = ${accountId} AND t.app_id = ${appId} AND t.device_id = d.device_id)
        AS "trialUsed",
      ${asksForVendorKey(sql.ref('i.package_id'))} AS "asksForVendorKey",
      -- LIMIT and OFFSET 0: looks into an index for each device, whatever the planner knows of tables that have just grown
      (SELECT true FROM rollout_device r WHERE r.account_id = ${accountId} AND r.device_id = d.device_id AND r.state = 'IN_FLIGHT'
        LIMIT 1) IS NOT NULL AS "isInFlightElsewhere",
      ${firstCandidate({ appId, version, maxVersionCode, versionCode })} AS candidate,
      ${installed} AS installed, ${rollback} AS rollback
    FROM given d
    LEFT JOIN LATERAL (SELECT o.* FROM installation o
      WHERE o.account_id = ${accountId} AND o.device_id = d.device_id AND o.app_id = ${appId} OFFSET 0) i ON true
    ${own}`.execute(db)
  return rows.map(toSituation)
}

function toSituation({ candidate, installed, installation, held, ...row }: Row): DeviceSituation {
  return {
    ...row,
    appVisible: true,
    installation: installation ?? emptyInstallation,
    held: held ?? [],
    target: candidate ? targetOf(candidate) : { kind: 'none' },
    previous: installed ? targetOf(installed) : { kind: 'none' },
  }
}

function targetOf(candidate: PackageCandidate): Target {
  if (!candidate.fits) return { kind: 'misfit', candidate }
  const { packageId, versionCode, version, asksForVendorKey: asks, isSigned } = candidate
  return { kind: 'fits', package: { packageId, versionCode, version, asksForVendorKey: asks }, isSigned }
}

/** The situation of a device that is no longer there. */
export const goneSituation = (deviceId: string): DeviceSituation => ({
  deviceId,
  device: null,
  appVisible: true,
  installation: emptyInstallation,
  targetVersionCode: null,
  held: [],
  trialUsed: false,
  asksForVendorKey: false,
  isInFlightElsewhere: false,
  target: { kind: 'none' },
  previous: { kind: 'none' },
  rollback: null,
})
