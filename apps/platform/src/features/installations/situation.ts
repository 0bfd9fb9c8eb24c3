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
import { seesProjects } from '../../platform/auth/visibility.ts'
import { byPlace } from '../../platform/database/by-place.ts'
import type { Database } from '../../platform/database/database.ts'
import { appVisibleTo } from '../apps/app-store.ts'
import { asksForVendorKey } from '../apps/asks-for-vendor-key.ts'
import { firstCandidate, type PackageCandidate } from '../apps/fitting-package.ts'
import { type OpenLine, openLines } from '../licenses/pick-order.ts'

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
  /** Order lines with free units, to be taken in this order; none where no unit was asked for. */
  openLines: OpenLine[]
}

export interface Pair {
  appId: string
  deviceId: string
}

/** What a request is about, and what it may need beside the present state. */
export interface Question extends Pair {
  /** `version` null: the newest. */
  package?: { version: string | null }
  unit?: { licenseType: LicenseType; orderId?: string | undefined }
}

interface Row {
  place: number
  device: Situation['device']
  appVisible: boolean
  installation: InstallationRow | null
  targetVersionCode: number | null
  held: HeldLicense[] | null
  trialUsed: boolean
  asksForVendorKey: boolean
  candidate: PackageCandidate | null
  openLines: OpenLine[] | null
}

const asking = {
  accountId: sql.ref<string>('g.accountId'),
  seesAll: sql.ref<boolean>('g.seesAll'),
  projectIds: sql.ref<string[]>('g.projectIds'),
}

/** The situations of many requests by one statement, without a lock. */
export async function readSituations<Request extends { caller: Caller; question: Question }>(
  db: Database,
  requests: Request[],
): Promise<Map<Request, AnsweredSituation>> {
  if (requests.length === 0) return new Map()
  const given = requests.map(({ caller: { accountId, scope }, question }, place) => ({
    ...{ one: 1, place, accountId, seesAll: scope.all, projectIds: scope.all ? [] : scope.projectIds },
    ...{ appId: question.appId, deviceId: question.deviceId },
    ...{ wantsPackage: question.package !== undefined, version: question.package?.version ?? null },
    ...{ licenseType: question.unit?.licenseType ?? null, orderId: question.unit?.orderId ?? null },
  }))
  const { rows } = await sql<Row>`
    WITH given AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(given)}::jsonb) AS g(place integer, "accountId" uuid, "seesAll" boolean,
        "projectIds" uuid[], "appId" text, "deviceId" text, "wantsPackage" boolean, version text, "licenseType" text, "orderId" uuid, one integer)
      -- always so: planned for one row, it looks each up by its key. For the hundred that a record set counts as, tables that
      -- are small when the plan is made would be read whole, and by that plan for some time after they have grown
      WHERE one = 1
    ), unit AS MATERIALIZED (
      -- what many ask for alike is looked up once
      SELECT u.*, (SELECT json_agg(json_build_object('orderId', order_id, 'free', free)) FROM
          (SELECT order_id, total - used AS free FROM ${openLines({
            accountId: sql.ref('u.accountId'),
            appId: sql.ref('u.appId'),
            licenseType: sql.ref('u.licenseType'),
            orderId: sql.ref('u.orderId'),
          })} LIMIT ${requests.length}) line) AS lines
      FROM (SELECT DISTINCT "accountId", "appId", "licenseType", "orderId" FROM given WHERE "licenseType" IS NOT NULL) u
    )
    SELECT g.place,
      CASE WHEN d.device_id IS NOT NULL THEN
        json_build_object('state', d.state, 'connectivity', d.connectivity, 'connectivityReason', d.connectivity_reason,
          'revision', c.revision, 'sentAt', c.sent_at, 'appFormats', d.app_formats, 'architecture', d.architecture,
          'platformLevel', d.platform_level, 'firmwareVersion', d.firmware_version, 'unsignedApps', d.unsigned_apps,
          'appDowngrade', d.app_downgrade, 'projectIds', d.project_ids) END AS device,
      EXISTS (SELECT 1 FROM app a WHERE a.app_id = g."appId" AND ${appVisibleTo(asking)}) AS "appVisible",
      CASE WHEN i.app_id IS NOT NULL THEN
        json_build_object('presence', i.presence, 'packageId', i.package_id, 'desiredRunningState', i.desired_running_state,
          'allowDowngrade', i.allow_downgrade, 'revision', i.revision, 'settled', i.settled, 'queued', i.queued, 'requestedAt', i.requested_at, 'licenseId', i.license_id,
          'installationState', i.installation_state, 'progress', i.progress, 'error', i.error, 'drift', i.drift, 'managed', i.managed,
          'present', i.present, 'installedVersion', i.installed_version, 'installedVersionCode', i.installed_version_code,
          'runningState', i.running_state) END AS installation,
      (SELECT p.version_code FROM app_package p WHERE p.package_id = i.package_id) AS "targetVersionCode",
      (SELECT json_agg(json_build_object('licenseId', l.license_id, 'licenseType', l.license_type, 'state', l.state, 'issuer', l.issuer))
       FROM license l WHERE l.account_id = g."accountId" AND l.device_id = g."deviceId" AND l.app_id = g."appId"
         AND l.state IN ('RESERVED', 'VALID') AND (l.valid_until IS NULL OR l.valid_until > now())) AS held,
      g."licenseType" IS NOT DISTINCT FROM 'TRIAL' AND EXISTS (SELECT 1 FROM trial_issued t WHERE t.account_id = g."accountId" AND t.app_id = g."appId"
        AND t.device_id = g."deviceId") AS "trialUsed",
      ${asksForVendorKey(sql.ref('i.package_id'))} AS "asksForVendorKey", u.lines AS "openLines",
      CASE WHEN g."wantsPackage" THEN ${firstCandidate({ appId: sql.ref('g.appId'), version: sql.ref('g.version') })} END AS candidate
    FROM given g
    LEFT JOIN unit u ON u."accountId" = g."accountId" AND u."appId" = g."appId" AND u."licenseType" = g."licenseType"
      AND u."orderId" IS NOT DISTINCT FROM g."orderId"
    LEFT JOIN device d ON d.account_id = g."accountId" AND d.device_id = g."deviceId" AND ${seesProjects(asking, sql.ref('d.project_ids'))}
    LEFT JOIN device_channel c ON c.account_id = g."accountId" AND c.device_id = g."deviceId"
    LEFT JOIN installation i ON i.account_id = g."accountId" AND i.device_id = g."deviceId" AND i.app_id = g."appId"`.execute(
    db,
  )
  if (rows.length !== requests.length) throw new Error('The outer joins give one row for each request.')
  return new Map(
    byPlace(requests, rows)
      .entries()
      .map(([request, row]) => [request, toSituation(row)]),
  )
}

function toSituation({ place: _, installation, held, openLines, ...row }: Row): AnsweredSituation {
  return { ...row, installation: installation ?? emptyInstallation, held: held ?? [], openLines: openLines ?? [] }
}
