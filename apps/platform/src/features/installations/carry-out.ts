import type { Installation, LicenseType } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import type { EventOrigin } from '../../platform/events/emit.ts'
import { selectView, toInstallation, type ViewRow } from './installation-view.ts'
import type { Decision } from './request-rules.ts'
import type { Pair } from './situation.ts'

/** The gateway must have taken up a wish this long after it was accepted; every report moves the deadline. */
export const acceptedWithinSeconds = 300
export const queueDays = 30

interface Change {
  accountId: string
  pair: Pair
  decision: Decision & { kind: 'change' }
  /** Guards against anything decided in between: the statement changes nothing when it is no longer this. */
  expectedRevision: number
  orderId: string | null
  licenseType: LicenseType | null
  queued: boolean
  projectIds: string[]
  origin: EventOrigin
}

/**
 * One statement: the device's revision, the license, the installation and the events. Lock order device, installation,
 * license, counter. Gives the installation as it now stands, null when the device has moved on since the situation was read. Taking the last unit twice breaks
 * the counter's CHECK and with it the whole statement.
 */
export async function carryOutChange(db: Database, change: Change): Promise<Installation | null> {
  const { accountId, pair, decision, origin } = change
  const { set, license } = decision
  const usedLicenseId = license.kind === 'use' ? license.licenseId : null
  const { rows } = await sql<ViewRow>`
    WITH moved AS (
      UPDATE device SET revision = revision + 1, sent_at = CASE WHEN revision = reported_revision THEN NULL ELSE sent_at END
      WHERE account_id = ${accountId} AND device_id = ${pair.deviceId} AND revision = ${change.expectedRevision} AND state = 'CLAIMED'
      RETURNING revision
    ), reserved AS (
      INSERT INTO license (account_id, app_id, device_id, license_type, order_id, state)
      SELECT ${accountId}, ${pair.appId}, ${pair.deviceId}, ${change.licenseType}, ${change.orderId}::uuid, 'RESERVED'
      FROM moved WHERE ${change.orderId}::uuid IS NOT NULL
      RETURNING license_id, license_type, valid_until, state, expired_at
    ), written AS (
      INSERT INTO installation AS i (account_id, device_id, app_id, name, presence, package_id, desired_running_state, allow_downgrade, revision,
        settled, queued, requested_at, deadline_at, license_id, installation_state, managed, updated_at)
      SELECT ${accountId}, ${pair.deviceId}, ${pair.appId}, (SELECT name FROM app WHERE app_id = ${pair.appId}),
        ${set.presence}, ${set.packageId}::uuid, ${set.desiredRunningState}, ${set.allowDowngrade}, moved.revision, false, ${change.queued}, now(),
        now() + ${change.queued ? `${queueDays} days` : `${acceptedWithinSeconds} seconds`}::interval,
        coalesce((SELECT license_id FROM reserved), ${usedLicenseId}::uuid), ${set.installationState}, true, now()
      FROM moved
      ON CONFLICT (account_id, device_id, app_id) DO UPDATE SET
        presence = excluded.presence, package_id = excluded.package_id, desired_running_state = excluded.desired_running_state,
        allow_downgrade = excluded.allow_downgrade, revision = excluded.revision, settled = false, queued = excluded.queued, requested_at = now(), deadline_at = excluded.deadline_at,
        license_id = coalesce(excluded.license_id, i.license_id), installation_state = excluded.installation_state, managed = true,
        progress = NULL, error = NULL, drift = NULL, updated_at = now()
      RETURNING i.*
    ), told AS (
      INSERT INTO event (account_id, type, actor_kind, actor_id, device_id, app_id, license_id, order_id, project_ids, request_id, data)
      SELECT ${accountId}, type, ${origin.actor.kind}, ${origin.actor.id}, ${pair.deviceId}, ${pair.appId}, license_id, order_id,
        ${change.projectIds}::uuid[], ${origin.requestId}, data
      FROM (
        SELECT 'installation.requested' AS type, w.license_id, NULL::uuid AS order_id,
          jsonb_build_object('presence', ${set.presence}::text, 'revision', (SELECT revision FROM moved), 'packageId', ${set.packageId}::text,
            'desiredRunningState', ${set.desiredRunningState}::text, 'queued', ${change.queued}::boolean) AS data FROM written w
        UNION ALL
        SELECT 'license.reserved', r.license_id, ${change.orderId}::uuid, jsonb_build_object('licenseType', ${change.licenseType}::text) FROM reserved r
      ) e
    )
    ${selectView({ installation: sql`written`, justReserved: sql`reserved` })}`.execute(db)
  return rows[0] ? toInstallation(rows[0]) : null
}

/** Takes back a wish that was never sent: its reserved unit returns at once. */
export async function carryOutCancel(
  db: Database,
  {
    accountId,
    pair,
    expectedRevision,
    projectIds,
    origin,
  }: Pick<Change, 'accountId' | 'pair' | 'expectedRevision' | 'projectIds' | 'origin'>,
): Promise<boolean> {
  const { rows } = await sql<{ revision: number }>`
    WITH moved AS (
      UPDATE device d SET revision = revision + 1
      WHERE account_id = ${accountId} AND device_id = ${pair.deviceId} AND revision = ${expectedRevision}
        AND EXISTS (SELECT 1 FROM installation i WHERE i.account_id = d.account_id AND i.device_id = d.device_id AND i.app_id = ${pair.appId}
          AND i.installation_state = 'PENDING' AND (d.sent_at IS NULL OR d.sent_at < i.requested_at))
      RETURNING revision
    ), released AS (
      UPDATE license SET state = 'RELEASED', released_at = now(), release_reason = 'cancelled'
      WHERE account_id = ${accountId} AND state = 'RESERVED' AND license_id = (SELECT license_id FROM installation
        WHERE account_id = ${accountId} AND device_id = ${pair.deviceId} AND app_id = ${pair.appId}) AND EXISTS (SELECT 1 FROM moved)
      RETURNING license_id, order_id
    ), written AS (
      UPDATE installation SET presence = NULL, package_id = NULL, desired_running_state = NULL, revision = moved.revision, settled = true,
        queued = false, deadline_at = NULL, installation_state = 'NOT_INSTALLED', managed = false, progress = NULL, error = NULL, drift = NULL,
        license_id = CASE WHEN EXISTS (SELECT 1 FROM released) THEN NULL ELSE license_id END, updated_at = now()
      FROM moved WHERE account_id = ${accountId} AND device_id = ${pair.deviceId} AND app_id = ${pair.appId}
      RETURNING 1
    ), told AS (
      INSERT INTO event (account_id, type, actor_kind, actor_id, device_id, app_id, license_id, order_id, project_ids, request_id, data)
      SELECT ${accountId}, type, ${origin.actor.kind}, ${origin.actor.id}, ${pair.deviceId}, ${pair.appId}, license_id, order_id,
        ${projectIds}::uuid[], ${origin.requestId}, data
      FROM (SELECT 'license.released' AS type, license_id, order_id, '{"reason":"cancelled"}'::jsonb AS data FROM released
        UNION ALL SELECT 'installation.state-changed', NULL, NULL, '{"installationState":"NOT_INSTALLED","reason":"cancelled"}' FROM written) e
    )
    SELECT revision FROM moved`.execute(db)
  return rows.length > 0
}
