import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { byPlatform, type EventOrigin, emitEvents, type NewEvent } from '../../platform/events/emit.ts'
import type { Outcome } from './report-rules.ts'
import type { InstallationRow } from './situation.ts'

/** An installation locked for a change, with what the rules need beside it. */
export interface LockedInstallation extends InstallationRow {
  accountId: string
  deviceId: string
  appId: string
  name: string | null
  projectIds: string[]
  /** Not on the camera as far as is known; a license of the pair was given back, and it holds no other. */
  wasGivenBack: boolean
  /** Null where nothing is under way. */
  targetVersion: string | null
  targetVersionCode: number | null
  licenseState: 'RESERVED' | 'VALID' | null
  /** The pair holds a license beside its own, which a success gives back. */
  hasOtherLicense: boolean
}

export interface ChangedInstallation {
  before: LockedInstallation
  outcome: Outcome
  /** The camera's list was read: stamps observed_at. */
  isObserved: boolean
  /** Whose doing it is, where changes of several are written together. */
  origin?: EventOrigin
}

export interface SettledPair {
  accountId: string
  deviceId: string
}

/** Devices on which something has come to its end with these changes. */
export function settledOf(changes: ChangedInstallation[]): SettledPair[] {
  return changes
    .filter(({ before, outcome }) => !before.settled && outcome.row.settled)
    .map(({ before: { accountId, deviceId } }) => ({ accountId, deviceId }))
}

/** Columns of a locked installation `i` on device `d`; written once for reports and for the deadline sweep. */
export const lockedColumns = sql`
  i.account_id AS "accountId", i.device_id AS "deviceId", i.app_id AS "appId", i.name, i.presence, i.package_id AS "packageId",
  i.desired_running_state AS "desiredRunningState", i.allow_downgrade AS "allowDowngrade", i.revision, i.settled, i.queued, i.requested_at AS "requestedAt",
  i.license_id AS "licenseId", i.installation_state AS "installationState", i.progress, i.error, i.drift, i.managed, i.present,
  i.installed_version AS "installedVersion", i.installed_version_code AS "installedVersionCode", i.running_state AS "runningState",
  d.project_ids AS "projectIds",
  (SELECT p.version_code FROM app_package p WHERE p.package_id = i.package_id) AS "targetVersionCode",
  CASE WHEN NOT i.settled THEN (SELECT v.version FROM app_package p JOIN app_version v ON v.app_id = p.app_id AND v.version_code = p.version_code
    WHERE p.package_id = i.package_id) END AS "targetVersion",
  -- asked only of what is not on the camera, as far as is known
  (NOT i.present AND i.presence IS NULL AND coalesce((SELECT bool_or(l.state = 'RELEASED') AND NOT bool_or(l.state IN ('RESERVED', 'VALID'))
    FROM license l WHERE l.account_id = i.account_id AND l.device_id = i.device_id AND l.app_id = i.app_id), false)) AS "wasGivenBack",
  (SELECT l.state FROM license l WHERE l.license_id = i.license_id AND l.state IN ('RESERVED', 'VALID')) AS "licenseState",
  EXISTS (SELECT 1 FROM license l WHERE l.account_id = i.account_id AND l.device_id = i.device_id AND l.app_id = i.app_id
    AND l.license_id <> i.license_id AND l.state IN ('RESERVED', 'VALID')) AS "hasOtherLicense"`

/**
 * License states as they are now that the installations are locked. A statement that waits for a lock still sees what was
 * there when it began: meanwhile a license may have gone out, and its unit must not return before the camera says so.
 */
export async function withLicenseStates<Row extends LockedInstallation>(
  db: DatabaseTransaction,
  rows: Row[],
): Promise<Row[]> {
  const reserved = rows.flatMap(({ licenseId, licenseState }) =>
    licenseId !== null && licenseState === 'RESERVED' ? [licenseId] : [],
  )
  if (reserved.length === 0) return rows
  const { rows: issued } = await sql<{ licenseId: string }>`SELECT license_id AS "licenseId" FROM license
    WHERE license_id = ANY(${reserved}::uuid[]) AND state = 'VALID'`.execute(db)
  const valid = new Set(issued.map(({ licenseId }) => licenseId))
  return rows.map((row) => (valid.has(row.licenseId ?? '') ? { ...row, licenseState: 'VALID' as const } : row))
}

/** Writes what the rules decided, set-based: installations, then revisions of devices, then licenses, then events. */
export async function writeOutcomes(
  db: DatabaseTransaction,
  changes: ChangedInstallation[],
  origin: EventOrigin,
): Promise<void> {
  if (changes.length === 0) return
  const rows = changes.map(({ before, outcome, isObserved }) => ({
    ...outcome.row,
    accountId: before.accountId,
    deviceId: before.deviceId,
    appId: before.appId,
    name: before.name,
    isObserved,
    newRevision: outcome.newRevision,
    hasDeadline: outcome.deadlineInSeconds !== undefined,
    deadlineInSeconds: outcome.deadlineInSeconds ?? null,
    one: 1,
  }))
  await sql`
    WITH given AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS r("accountId" uuid, "deviceId" text, "appId" text, name text,
        presence text, "packageId" uuid, "desiredRunningState" text, "allowDowngrade" boolean, settled boolean, queued boolean, "licenseId" uuid,
        "installationState" text, progress jsonb, error jsonb, drift text, managed boolean, present boolean, "installedVersion" text,
        "installedVersionCode" bigint, "runningState" text, "isObserved" boolean, "newRevision" boolean, "hasDeadline" boolean,
        "deadlineInSeconds" integer, one integer)
      -- always so, and why: see readSituations
      WHERE one = 1
    ), raised AS (
      UPDATE device_channel c SET revision = c.revision + 1, sent_at = NULL
      FROM (SELECT DISTINCT "accountId", "deviceId" FROM given WHERE "newRevision") n
      WHERE c.account_id = n."accountId" AND c.device_id = n."deviceId"
      RETURNING c.account_id, c.device_id, c.revision
    )
    INSERT INTO installation AS i (account_id, device_id, app_id, name, presence, package_id, desired_running_state,
      allow_downgrade, settled, queued,
      license_id, installation_state, progress, error, drift, managed, present, installed_version, installed_version_code, running_state,
      observed_at, revision, deadline_at, updated_at)
    SELECT g."accountId", g."deviceId", g."appId", g.name, g.presence, g."packageId", g."desiredRunningState",
      g."allowDowngrade", g.settled, g.queued,
      g."licenseId", g."installationState", nullif(g.progress, 'null'), nullif(g.error, 'null'), g.drift, g.managed, g.present,
      g."installedVersion", g."installedVersionCode", g."runningState", CASE WHEN g."isObserved" THEN now() END,
      coalesce(CASE WHEN g."newRevision" THEN r.revision END, 0),
      -- checked before the conflict is seen: a wish that this report says nothing about keeps its deadline
      CASE WHEN NOT g.settled THEN coalesce(now() + g."deadlineInSeconds" * interval '1 second', (SELECT o.deadline_at FROM installation o
        WHERE o.account_id = g."accountId" AND o.device_id = g."deviceId" AND o.app_id = g."appId")) END, now()
    FROM given g LEFT JOIN raised r ON r.account_id = g."accountId" AND r.device_id = g."deviceId"
    ON CONFLICT (account_id, device_id, app_id) DO UPDATE SET
      name = coalesce(excluded.name, i.name), presence = excluded.presence, package_id = excluded.package_id,
      desired_running_state = excluded.desired_running_state, allow_downgrade = excluded.allow_downgrade, settled = excluded.settled, queued = excluded.queued,
      license_id = excluded.license_id, installation_state = excluded.installation_state, progress = excluded.progress,
      error = excluded.error, drift = excluded.drift, managed = excluded.managed, present = excluded.present,
      installed_version = excluded.installed_version, installed_version_code = excluded.installed_version_code,
      running_state = excluded.running_state, observed_at = coalesce(excluded.observed_at, i.observed_at),
      revision = greatest(i.revision, excluded.revision),
      deadline_at = CASE WHEN excluded.settled THEN NULL ELSE coalesce(excluded.deadline_at, i.deadline_at) END,
      updated_at = now()`.execute(db)
  await releaseLicenses(db, changes)
  await emitEvents(db, origin, changes.flatMap(eventsOf))
}

async function releaseLicenses(db: DatabaseTransaction, changes: ChangedInstallation[]): Promise<void> {
  const released = changes.filter(({ outcome, before }) => outcome.license === 'release' && before.licenseId !== null)
  const settled = changes.filter(
    ({ outcome, before }) =>
      outcome.license === 'replace-others' && before.licenseId !== null && before.hasOtherLicense,
  )
  if (released.length + settled.length === 0) return
  const wanted = [
    ...released.map(({ before, outcome }) => ({
      licenseId: before.licenseId,
      others: false,
      // what somebody issues by hand in this moment has left the platform
      onlyReserved: before.licenseState === 'RESERVED',
      reason: outcome.row.installationState === 'INSTALLATION_FAILED' ? 'installation-failed' : 'uninstalled',
    })),
    ...settled.map(({ before }) => ({
      licenseId: before.licenseId,
      others: true,
      onlyReserved: false,
      reason: 'replaced',
    })),
  ]
  const { rows } = await sql<{
    account_id: string
    license_id: string
    order_id: string
    app_id: string
    device_id: string
    reason: string
  }>`
    WITH given AS (SELECT * FROM jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb) AS r("licenseId" uuid, others boolean, "onlyReserved" boolean, reason text)),
    -- an app that is gone gives back every unit of its pair; one whose license was replaced gives back the others
    target AS MATERIALIZED (
      SELECT l.license_id, g.reason, g."onlyReserved" FROM given g
      -- kept apart, so that they stay looks into indexes for each pair whatever the planner knows of the table
      CROSS JOIN LATERAL (SELECT o.license_id, o.account_id, o.device_id, o.app_id FROM license o
        WHERE o.license_id = g."licenseId" OFFSET 0) own
      CROSS JOIN LATERAL (SELECT o.license_id, o.state, o.issuer FROM license o
        WHERE o.account_id = own.account_id AND o.device_id = own.device_id AND o.app_id = own.app_id OFFSET 0) l
      -- a key of the vendor takes no unit and stays good on its camera: it is kept for the next time
      WHERE l.state IN ('RESERVED', 'VALID') AND l.issuer = 'PLATFORM' AND (NOT g.others OR l.license_id <> own.license_id))
    UPDATE license l SET state = 'RELEASED', released_at = now(), release_reason = target.reason
    FROM target WHERE l.license_id = target.license_id AND l.license_id = ANY(ARRAY(SELECT license_id FROM target)) AND (l.state = 'RESERVED' OR (l.state = 'VALID' AND NOT target."onlyReserved"))
    RETURNING l.account_id, l.license_id, l.order_id, l.app_id, l.device_id, l.release_reason AS reason`.execute(db)
  await emitEvents(
    db,
    byPlatform,
    rows.map((row) => ({
      type: 'license.released',
      accountId: row.account_id,
      licenseId: row.license_id,
      orderId: row.order_id,
      appId: row.app_id,
      deviceId: row.device_id,
      data: { reason: row.reason },
    })),
  )
}

function eventsOf({ before, outcome, origin }: ChangedInstallation): NewEvent[] {
  const { row } = outcome
  const about = {
    accountId: before.accountId,
    deviceId: before.deviceId,
    appId: before.appId,
    projectIds: before.projectIds,
    licenseId: row.licenseId,
    ...(origin ? { origin } : {}),
  }
  const events: NewEvent[] = []
  if (row.installationState !== before.installationState) {
    const data = { from: before.installationState, to: row.installationState, version: row.installedVersion }
    events.push({ ...about, type: 'installation.state-changed', data })
  }
  if (row.runningState !== before.runningState) {
    events.push({
      ...about,
      type: 'installation.running-state-changed',
      data: { from: before.runningState, to: row.runningState },
    })
  }
  if (row.error && row.error.at !== before.error?.at)
    events.push({ ...about, type: 'installation.failed', data: { error: row.error } })
  if (row.drift && row.drift !== before.drift)
    events.push({ ...about, type: 'installation.drift', data: { drift: row.drift } })
  if (outcome.reinstalled) {
    const data = { version: row.installedVersion, configuration: outcome.reinstalled }
    events.push({ ...about, type: 'installation.reinstalled', data })
  }
  if (outcome.licenseConflict) events.push({ ...about, type: 'license.conflict', data: {} })
  return events
}
