import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { byPlatform } from '../../platform/events/emit.ts'
import { acceptedWithinSeconds } from '../installations/first-deadline.ts'
import type { Decision } from '../installations/request-rules.ts'
import type { RolloutRow } from './rollout-row.ts'

export interface Admitted {
  deviceId: string
  set: (Decision & { kind: 'change' })['set']
  /** Null: the installation keeps the license it has. */
  licenseId: string | null
  /** It must still be held when this is written; null: none. */
  neededLicenseId: string | null
  /** The license was reserved for this attempt. */
  isNewLicense: boolean
  /** Of an update: what the device has now and what it is given, so that a rollback can set it back. */
  fromVersionCode: number | null
  toVersionCode: number | null
}

/** A device in flight is looked at again so often, should the hint that it has settled be lost. */
export const checkEverySeconds = 15

/**
 * Writes for many devices, by one statement, what a single request writes for one: the device's revision, the
 * installation and the event; and their place in the rollout. The caller holds the locks of the device rows. A device whose
 * license has ended meanwhile is left as it is, to be decided on anew. Gives the number written.
 */
export async function admitDevices(
  db: DatabaseTransaction,
  rollout: RolloutRow,
  admitted: Admitted[],
): Promise<number> {
  if (admitted.length === 0) return 0
  const { rolloutId, accountId, appId, strategy } = rollout
  const rows = admitted.map(({ set, ...row }) => ({ ...row, ...set }))
  const needed = admitted.flatMap(({ neededLicenseId }) => neededLicenseId ?? [])
  const { rows: written } = await sql`
    WITH given AS (
      -- the rollout's id in each row: joined by it and the device, its rows are looked up and never read as a whole
      SELECT *, ${rolloutId}::uuid AS rollout_id FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS g("deviceId" text,
        presence text, "packageId" uuid, "desiredRunningState" text, "allowDowngrade" boolean,
        "installationState" text, "licenseId" uuid, "neededLicenseId" uuid, "isNewLicense" boolean,
        "fromVersionCode" bigint, "toVersionCode" bigint)
    ), held AS MATERIALIZED (
      -- locked, not only looked at, as for single requests: see carryOutChanges
      SELECT l.license_id FROM given g JOIN license l ON l.license_id = g."neededLicenseId" AND l.account_id = ${accountId}
      -- named twice, and why: see issueLicenses
      WHERE l.license_id = ANY(${needed}::uuid[]) AND l.state IN ('RESERVED', 'VALID') FOR SHARE OF l
    ), moved AS (
      UPDATE device_channel c SET revision = c.revision + 1,
        sent_at = CASE WHEN c.revision = c.reported_revision THEN NULL ELSE c.sent_at END
      FROM given g JOIN device d ON d.account_id = ${accountId} AND d.device_id = g."deviceId" AND d.state = 'CLAIMED'
      WHERE c.account_id = d.account_id AND c.device_id = d.device_id
        AND (g."neededLicenseId" IS NULL OR g."neededLicenseId" IN (SELECT license_id FROM held))
      RETURNING c.device_id, c.revision, d.project_ids
    ), written AS (
      INSERT INTO installation AS i (account_id, device_id, app_id, name, presence, package_id, desired_running_state,
        allow_downgrade, revision, rollout_revision, settled, queued, requested_at, deadline_at, license_id, installation_state, managed, updated_at)
      SELECT ${accountId}, m.device_id, ${appId}, a.name, g.presence, g."packageId", g."desiredRunningState", g."allowDowngrade", m.revision,
        m.revision, false, false, now(), now() + ${acceptedWithinSeconds} * interval '1 second', g."licenseId", g."installationState", true, now()
      FROM moved m JOIN given g ON g."deviceId" = m.device_id LEFT JOIN app a ON a.app_id = ${appId}
      ON CONFLICT (account_id, device_id, app_id) DO UPDATE SET
        presence = excluded.presence, package_id = excluded.package_id, desired_running_state = excluded.desired_running_state,
        allow_downgrade = excluded.allow_downgrade, revision = excluded.revision,
        rollout_revision = excluded.rollout_revision, settled = false, queued = false, requested_at = now(), deadline_at = excluded.deadline_at,
        license_id = coalesce(excluded.license_id, i.license_id), installation_state = excluded.installation_state, managed = true,
        progress = NULL, error = NULL, drift = NULL, updated_at = now()
      RETURNING i.device_id, i.license_id
    ), placed AS (
      UPDATE rollout_device rd SET state = 'IN_FLIGHT', attempts = rd.attempts + 1, revision = m.revision, reason = NULL, detail = NULL,
        error = NULL, started_at = coalesce(rd.started_at, now()), check_at = now() + ${checkEverySeconds} * interval '1 second',
        deadline_at = now() + ${strategy.deviceTimeoutSeconds ?? null}::int * interval '1 second', step = NULL, step_at = NULL,
        license_id = CASE WHEN g."isNewLicense" THEN g."licenseId" ELSE rd.license_id END,
        -- an attempt after the first one finds what the first has left behind
        from_version_code = coalesce(rd.from_version_code, g."fromVersionCode"),
        to_version_code = coalesce(rd.to_version_code, g."toVersionCode"), updated_at = now()
      FROM moved m JOIN given g ON g."deviceId" = m.device_id WHERE rd.rollout_id = g.rollout_id AND rd.device_id = g."deviceId"
      RETURNING rd.device_id, rd.attempts
    )
    INSERT INTO event (account_id, type, actor_kind, actor_id, device_id, app_id, license_id, project_ids, data)
    SELECT ${accountId}, 'installation.requested', ${byPlatform.actor.kind}, NULL, m.device_id, ${appId}, w.license_id, m.project_ids,
      jsonb_build_object('presence', g.presence, 'revision', m.revision, 'packageId', g."packageId",
        'desiredRunningState', g."desiredRunningState", 'queued', false, 'rolloutId', ${rolloutId}::text, 'attempt', p.attempts)
    FROM moved m JOIN given g ON g."deviceId" = m.device_id JOIN written w ON w.device_id = m.device_id
      JOIN placed p ON p.device_id = m.device_id
    RETURNING 1`.execute(db)
  return written.length
}

/** Devices whose wish somebody else has sent already: in flight here too, with that wish's revision. */
export async function adoptDevices(
  db: DatabaseTransaction,
  { rolloutId }: RolloutRow,
  adopted: { deviceId: string; revision: number }[],
): Promise<void> {
  if (adopted.length === 0) return
  await sql`
    UPDATE rollout_device rd SET state = 'IN_FLIGHT', attempts = rd.attempts + 1, revision = g.revision, reason = 'adopted',
      detail = 'The same was asked for by somebody else and is under way.', started_at = coalesce(rd.started_at, now()),
      check_at = now() + ${checkEverySeconds} * interval '1 second', updated_at = now()
    FROM jsonb_to_recordset(${JSON.stringify(adopted)}::jsonb) AS g("deviceId" text, revision bigint)
    WHERE rd.rollout_id = ${rolloutId} AND rd.device_id = g."deviceId"`.execute(db)
}
