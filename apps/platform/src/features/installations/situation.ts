import type {
  AppDowngrade,
  Connectivity,
  DesiredRunningState,
  Drift,
  InstallationError,
  InstallationState,
  LicenseState,
  LicenseType,
  Progress,
  RunningState,
} from '@ocelli/contract'
import { sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import { seesApp, seesProjects } from '../../platform/auth/visibility.ts'
import type { Database } from '../../platform/database/database.ts'
import { asksForVendorKey } from '../apps/asks-for-vendor-key.ts'
import { firstCandidate, type PackageCandidate } from '../apps/fitting-package.ts'
import { freeOrder } from '../licenses/pick-order.ts'

/** The installation's row as the rules see it; one that does not exist yet is `emptyInstallation`. */
export interface InstallationRow {
  presence: 'PRESENT' | 'ABSENT' | null
  packageId: string | null
  desiredRunningState: DesiredRunningState | null
  /** The wish may go below the installed version; over when it has settled. */
  allowDowngrade: boolean
  revision: number
  settled: boolean
  queued: boolean
  requestedAt: string | null
  licenseId: string | null
  installationState: InstallationState
  progress: Progress | null
  error: InstallationError | null
  drift: Drift | null
  managed: boolean
  present: boolean
  installedVersion: string | null
  installedVersionCode: number | null
  runningState: RunningState
}

export const emptyInstallation: InstallationRow = {
  presence: null,
  packageId: null,
  desiredRunningState: null,
  allowDowngrade: false,
  revision: 0,
  settled: true,
  queued: false,
  requestedAt: null,
  licenseId: null,
  installationState: 'NOT_INSTALLED',
  progress: null,
  error: null,
  drift: null,
  managed: false,
  present: false,
  installedVersion: null,
  installedVersionCode: null,
  runningState: 'UNKNOWN',
}

export interface HeldLicense {
  licenseId: string
  licenseType: LicenseType
  state: LicenseState
  issuer: 'PLATFORM' | 'VENDOR'
}

/** Everything a request about one app on one device is decided on, read by one statement. */
export interface Situation {
  device: {
    state: 'CLAIMED' | 'UNCLAIMED'
    connectivity: Connectivity
    connectivityReason: string | null
    revision: number
    sentAt: string | null
    appFormats: string[]
    architecture: string | null
    platformLevel: number | null
    firmwareVersion: string | null
    unsignedApps: boolean | null
    appDowngrade: AppDowngrade | null
    projectIds: string[]
  } | null
  appVisible: boolean
  installation: InstallationRow
  targetVersionCode: number | null
  held: HeldLicense[]
  trialUsed: boolean
  /** Cameras look for a key of their vendor for the package that is wished for now, and for nothing of ours. */
  asksForVendorKey: boolean
}

/** The situation, and what the question asked for beside it. */
export interface AnsweredSituation extends Situation {
  /** The package that comes first for this device; null where none was asked for or none is published. */
  candidate: PackageCandidate | null
  /** An order with a free unit; null where none was asked for or none has one. */
  freeOrderId: string | null
}

/** What a request is about, and what it may need beside the present state. */
export interface Question extends Pair {
  /** `version` null: the newest. */
  package?: { version: string | null }
  unit?: { licenseType: LicenseType; orderId?: string | undefined }
}

interface Row {
  device: Situation['device']
  app_visible: boolean
  installation: InstallationRow | null
  target_version_code: number | null
  held: HeldLicense[]
  trial_used: boolean
  asks_for_vendor_key: boolean
  candidate: PackageCandidate | null
  free_order_id: string | null
}

export interface Pair {
  appId: string
  deviceId: string
}

export async function readSituation(
  db: Database,
  caller: Caller,
  { appId, deviceId, package: wanted, unit }: Question,
): Promise<AnsweredSituation> {
  const { accountId } = caller
  const candidate = wanted ? firstCandidate({ appId, version: wanted.version }) : sql<null>`NULL::jsonb`
  const order = unit ? freeOrder({ accountId, appId, ...unit }) : sql<null>`NULL::uuid`
  const { rows } = await sql<Row>`
    SELECT
      CASE WHEN d.device_id IS NOT NULL THEN
        jsonb_build_object('state', d.state, 'connectivity', d.connectivity, 'connectivityReason', d.connectivity_reason,
          'revision', d.revision, 'sentAt', d.sent_at, 'appFormats', d.app_formats, 'architecture', d.architecture,
          'platformLevel', d.platform_level, 'firmwareVersion', d.firmware_version, 'unsignedApps', d.unsigned_apps,
          'appDowngrade', d.app_downgrade,
          'projectIds', d.project_ids) END AS device,
      EXISTS (SELECT 1 FROM app a WHERE a.app_id = ${appId} AND ${seesApp(caller, sql.ref('a.app_id'))}
        AND (a.visibility = 'LISTED' OR a.account_id = ${accountId}
          OR EXISTS (SELECT 1 FROM app_order o WHERE o.account_id = ${accountId} AND o.app_id = a.app_id))) AS app_visible,
      CASE WHEN i.app_id IS NOT NULL THEN
        jsonb_build_object('presence', i.presence, 'packageId', i.package_id, 'desiredRunningState', i.desired_running_state,
          'allowDowngrade', i.allow_downgrade,
          'revision', i.revision, 'settled', i.settled, 'queued', i.queued, 'requestedAt', i.requested_at, 'licenseId', i.license_id,
          'installationState', i.installation_state, 'progress', i.progress, 'error', i.error, 'drift', i.drift, 'managed', i.managed,
          'present', i.present, 'installedVersion', i.installed_version, 'installedVersionCode', i.installed_version_code,
          'runningState', i.running_state) END AS installation,
      (SELECT p.version_code FROM app_package p WHERE p.package_id = i.package_id) AS target_version_code,
      coalesce((SELECT jsonb_agg(jsonb_build_object('licenseId', l.license_id, 'licenseType', l.license_type, 'state', l.state,
         'issuer', l.issuer))
       FROM license l WHERE l.account_id = ${accountId} AND l.device_id = ${deviceId} AND l.app_id = ${appId}
         AND l.state IN ('RESERVED', 'VALID') AND (l.valid_until IS NULL OR l.valid_until > now())), '[]') AS held,
      EXISTS (SELECT 1 FROM trial_issued t WHERE t.account_id = ${accountId} AND t.app_id = ${appId} AND t.device_id = ${deviceId}) AS trial_used,
      ${asksForVendorKey(sql.ref('i.package_id'))} AS asks_for_vendor_key,
      ${candidate} AS candidate, ${order} AS free_order_id
    FROM (VALUES (1)) AS always
    LEFT JOIN device d ON d.account_id = ${accountId} AND d.device_id = ${deviceId} AND ${seesProjects(caller, sql.ref('d.project_ids'))}
    LEFT JOIN installation i ON i.account_id = ${accountId} AND i.device_id = ${deviceId} AND i.app_id = ${appId}`.execute(
    db,
  )
  const row = rows[0]
  if (!row) throw new Error('The outer joins always give one row.')
  return {
    device: row.device,
    appVisible: row.app_visible,
    installation: row.installation ?? emptyInstallation,
    targetVersionCode: row.target_version_code,
    held: row.held,
    trialUsed: row.trial_used,
    asksForVendorKey: row.asks_for_vendor_key,
    candidate: row.candidate,
    freeOrderId: row.free_order_id,
  }
}
