import type { Installation, LicenseType } from '@ocelli/contract'
import { sql } from 'kysely'
import { byPlace } from '../../platform/database/by-place.ts'
import type { Database } from '../../platform/database/database.ts'
import type { EventOrigin } from '../../platform/events/emit.ts'
import { acceptedWithinSeconds, queueDays } from './first-deadline.ts'
import { selectView, toInstallation, type ViewRow } from './installation-view.ts'
import { type Decision, neededLicense } from './request-rules.ts'
import type { Pair } from './situation.ts'

/** Where a request changes something, and who asked. */
export interface Attempt {
  accountId: string
  pair: Pair
  /** Guards against anything decided in between: nothing is changed when it is no longer this. */
  expectedRevision: number
  projectIds: string[]
  origin: EventOrigin
}

export interface Change extends Attempt {
  decision: Decision & { kind: 'change' }
  /** The order line that a license is reserved from. */
  unit: { orderId: string; licenseType: LicenseType } | null
  queued: boolean
}

/**
 * One statement for many changes, each on a device of its own: the devices' revisions, the licenses, the installations and
 * the events. Lock order device, license, installation, counter; devices in the order of their key. Gives the
 * installations as they now stand; none where the device has moved on since its situation was read, or the license that the
 * change stands on is no longer held. A constraint that one
 * change breaks, such as the counter's CHECK when the last unit is taken twice, undoes the statement for all of them.
 */
export async function carryOutChanges<Key>(db: Database, changes: Map<Key, Change>): Promise<Map<Key, Installation>> {
  if (changes.size === 0) return new Map()
  const given = [...changes.values()].map(
    ({ accountId, pair, decision: { set, license }, unit, origin, ...change }, place) => ({
      ...{ one: 1, place, accountId, ...pair, ...set, ...unit, queued: change.queued, projectIds: change.projectIds },
      ...{ expectedRevision: change.expectedRevision, licenseId: license.kind === 'use' ? license.licenseId : null },
      neededLicenseId: neededLicense(license),
      ...{ actorKind: origin.actor.kind, actorId: origin.actor.id, requestId: origin.requestId },
    }),
  )
  const { rows } = await sql<ViewRow & { place: number }>`
    WITH given AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(given)}::jsonb) AS g(place integer, "accountId" uuid, "appId" text, "deviceId" text,
        presence text, "packageId" uuid, "desiredRunningState" text, "allowDowngrade" boolean, "installationState" text,
        "orderId" uuid, "licenseType" text, queued boolean, "projectIds" uuid[], "expectedRevision" bigint, "licenseId" uuid,
        "neededLicenseId" uuid, "actorKind" text, "actorId" text, "requestId" text, one integer)
      -- always so, and why: see readSituations
      WHERE one = 1
    ), locked AS MATERIALIZED (
      SELECT g.* FROM given g JOIN device d ON d.account_id = g."accountId" AND d.device_id = g."deviceId" AND d.state = 'CLAIMED'
      JOIN device_channel c ON c.account_id = g."accountId" AND c.device_id = g."deviceId" AND c.revision = g."expectedRevision"
      ORDER BY d.account_id, d.device_id FOR NO KEY UPDATE OF d, c
    ), held AS MATERIALIZED (
      -- a license comes to its end, or is given back, without a word to the device. Locked, not only looked at: whoever this
      -- statement waited for may have ended it, which its snapshot does not show
      SELECT l.license_id FROM locked k JOIN license l ON l.license_id = k."neededLicenseId" AND l.account_id = k."accountId"
      WHERE l.state IN ('RESERVED', 'VALID') FOR SHARE OF l
    ), moved AS (
      UPDATE device_channel c SET revision = c.revision + 1,
        sent_at = CASE WHEN c.revision = c.reported_revision THEN NULL ELSE c.sent_at END
      FROM locked l WHERE c.account_id = l."accountId" AND c.device_id = l."deviceId"
        AND (l."neededLicenseId" IS NULL OR l."neededLicenseId" IN (SELECT license_id FROM held))
      RETURNING l.*, c.revision
    ), reserved AS (
      INSERT INTO license (account_id, app_id, device_id, license_type, order_id, state)
      SELECT "accountId", "appId", "deviceId", "licenseType", "orderId", 'RESERVED'
      FROM moved WHERE "orderId" IS NOT NULL ORDER BY "accountId", "deviceId" COLLATE "C"
      RETURNING license_id, account_id, device_id, license_type, order_id, valid_until, state, expired_at
    ), written AS (
      INSERT INTO installation AS i (account_id, device_id, app_id, name, presence, package_id, desired_running_state,
        allow_downgrade, revision, settled, queued, requested_at, deadline_at, license_id, installation_state, managed, updated_at)
      SELECT m."accountId", m."deviceId", m."appId", a.name, m.presence, m."packageId", m."desiredRunningState", m."allowDowngrade", m.revision, false,
        m.queued, now(), now() + CASE WHEN m.queued THEN ${queueDays} * interval '1 day' ELSE ${acceptedWithinSeconds} * interval '1 second' END,
        coalesce(r.license_id, m."licenseId"), m."installationState", true, now()
      FROM moved m LEFT JOIN reserved r ON r.account_id = m."accountId" AND r.device_id = m."deviceId"
        LEFT JOIN app a ON a.app_id = m."appId"
      ON CONFLICT (account_id, device_id, app_id) DO UPDATE SET
        presence = excluded.presence, package_id = excluded.package_id, desired_running_state = excluded.desired_running_state,
        allow_downgrade = excluded.allow_downgrade, revision = excluded.revision, settled = false, queued = excluded.queued, requested_at = now(), deadline_at = excluded.deadline_at,
        license_id = coalesce(excluded.license_id, i.license_id), installation_state = excluded.installation_state, managed = true,
        progress = NULL, error = NULL, drift = NULL, updated_at = now()
      RETURNING i.*
    ), told AS (
      INSERT INTO event (account_id, type, actor_kind, actor_id, device_id, app_id, license_id, order_id, project_ids, request_id, data)
      SELECT m."accountId", e.type, m."actorKind", m."actorId", m."deviceId", m."appId", e.license_id, e.order_id, m."projectIds", m."requestId", e.data
      FROM moved m JOIN (
        SELECT 1 AS turn, 'installation.requested' AS type, w.account_id, w.device_id, w.license_id, NULL::uuid AS order_id,
          jsonb_build_object('presence', w.presence, 'revision', w.revision, 'packageId', w.package_id,
            'desiredRunningState', w.desired_running_state, 'queued', w.queued) AS data FROM written w
        UNION ALL
        SELECT 2, 'license.reserved', r.account_id, r.device_id, r.license_id, r.order_id,
          jsonb_build_object('licenseType', r.license_type) FROM reserved r
      ) e ON e.account_id = m."accountId" AND e.device_id = m."deviceId"
      ORDER BY m.place, e.turn
    )
    SELECT m.place, v.* FROM moved m JOIN (${selectView({ installation: sql`written`, justReserved: sql`reserved` })}) v
      ON v.account_id = m."accountId" AND v.device_id = m."deviceId"`.execute(db)
  return new Map(
    byPlace([...changes.keys()], rows)
      .entries()
      .map(([key, row]) => [key, toInstallation(row)]),
  )
}

/** Takes back a wish that was never sent: its reserved unit returns at once. */
export async function carryOutCancel(
  db: Database,
  { accountId, pair, expectedRevision, projectIds, origin }: Attempt,
): Promise<boolean> {
  const { rows } = await sql<{ revision: number }>`
    WITH locked AS (
      SELECT c.account_id, c.device_id FROM device d
      JOIN device_channel c ON c.account_id = d.account_id AND c.device_id = d.device_id AND c.revision = ${expectedRevision}
      WHERE d.account_id = ${accountId} AND d.device_id = ${pair.deviceId}
        AND EXISTS (SELECT 1 FROM installation i WHERE i.account_id = d.account_id AND i.device_id = d.device_id AND i.app_id = ${pair.appId}
          AND i.installation_state = 'PENDING' AND (c.sent_at IS NULL OR c.sent_at < i.requested_at))
      FOR NO KEY UPDATE OF d, c
    ), moved AS (
      UPDATE device_channel c SET revision = c.revision + 1
      FROM locked l WHERE c.account_id = l.account_id AND c.device_id = l.device_id
      RETURNING c.revision
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
