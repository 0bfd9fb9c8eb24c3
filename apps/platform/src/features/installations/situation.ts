import type {
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

/** The installation's row as the rules see it; one that does not exist yet is `emptyInstallation`. */
export interface InstallationRow {
  presence: 'PRESENT' | 'ABSENT' | null
  packageId: string | null
  desiredRunningState: DesiredRunningState | null
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
    projectIds: string[]
  } | null
  appVisible: boolean
  installation: InstallationRow
  targetVersionCode: number | null
  held: HeldLicense[]
  trialUsed: boolean
}

interface Row {
  device: Situation['device']
  app_visible: boolean
  installation: InstallationRow | null
  target_version_code: number | null
  held: HeldLicense[]
  trial_used: boolean
}

export interface Pair {
  appId: string
  deviceId: string
}

export async function readSituation(db: Database, caller: Caller, { appId, deviceId }: Pair): Promise<Situation> {
  const { accountId } = caller
  const { rows } = await sql<Row>`
    SELECT
      (SELECT jsonb_build_object('state', d.state, 'connectivity', d.connectivity, 'connectivityReason', d.connectivity_reason,
          'revision', d.revision, 'sentAt', d.sent_at, 'appFormats', d.app_formats, 'architecture', d.architecture,
          'platformLevel', d.platform_level, 'firmwareVersion', d.firmware_version,
          'unsignedApps', d.unsigned_apps, 'projectIds', d.project_ids)
       FROM device d WHERE d.account_id = ${accountId} AND d.device_id = ${deviceId}
         AND ${seesProjects(caller, sql.ref('d.project_ids'))}) AS device,
      EXISTS (SELECT 1 FROM app a WHERE a.app_id = ${appId} AND ${seesApp(caller, sql.ref('a.app_id'))}
        AND (a.visibility = 'LISTED' OR a.account_id = ${accountId}
          OR EXISTS (SELECT 1 FROM app_order o WHERE o.account_id = ${accountId} AND o.app_id = a.app_id))) AS app_visible,
      (SELECT jsonb_build_object('presence', i.presence, 'packageId', i.package_id, 'desiredRunningState', i.desired_running_state,
          'revision', i.revision, 'settled', i.settled, 'queued', i.queued, 'requestedAt', i.requested_at, 'licenseId', i.license_id,
          'installationState', i.installation_state, 'progress', i.progress, 'error', i.error, 'drift', i.drift, 'managed', i.managed,
          'present', i.present, 'installedVersion', i.installed_version, 'installedVersionCode', i.installed_version_code,
          'runningState', i.running_state)
       FROM installation i WHERE i.account_id = ${accountId} AND i.device_id = ${deviceId} AND i.app_id = ${appId}) AS installation,
      (SELECT p.version_code FROM installation i JOIN app_package p USING (package_id)
       WHERE i.account_id = ${accountId} AND i.device_id = ${deviceId} AND i.app_id = ${appId}) AS target_version_code,
      coalesce((SELECT jsonb_agg(jsonb_build_object('licenseId', l.license_id, 'licenseType', l.license_type, 'state', l.state))
       FROM license l WHERE l.account_id = ${accountId} AND l.device_id = ${deviceId} AND l.app_id = ${appId}
         AND l.state IN ('RESERVED', 'VALID') AND (l.valid_until IS NULL OR l.valid_until > now())), '[]') AS held,
      EXISTS (SELECT 1 FROM trial_issued t WHERE t.account_id = ${accountId} AND t.app_id = ${appId} AND t.device_id = ${deviceId}) AS trial_used`.execute(
    db,
  )
  const row = rows[0]
  if (!row) throw new Error('A SELECT without FROM always gives one row.')
  return {
    device: row.device,
    appVisible: row.app_visible,
    installation: row.installation ?? emptyInstallation,
    targetVersionCode: row.target_version_code,
    held: row.held,
    trialUsed: row.trial_used,
  }
}
