import { sql } from 'kysely'
import { eventProjects } from '../../platform/auth/visibility.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { type EventOrigin, emitEvents } from '../../platform/events/emit.ts'

const deadlineDays = 30

/**
 * Makes the rollout that sets back what another one has changed, in the transaction that ends that one; its caller holds
 * its row. Devices come along that were taken up, whatever came of them: those still in flight have their turn when they
 * have ended, and those that an abort or the deadline has cancelled between two attempts. What was cancelled otherwise was
 * somebody else's wish, or is gone. Gives its id, null when nothing was changed.
 */
export async function beginRollback(
  db: DatabaseTransaction,
  {
    rolloutId,
    accountId,
    appId,
    projectIds,
  }: { rolloutId: string; accountId: string; appId: string; projectIds: string[] | null },
  origin: EventOrigin,
): Promise<string | null> {
  const taken = sql`rd.rollout_id = ${rolloutId} AND rd.from_version_code IS NOT NULL
    AND (rd.state <> 'CANCELLED' OR rd.reason IN ('aborted', 'deadline-passed'))`
  const made = await sql<{ rollout_id: string; name: string }>`
    WITH made AS (
      INSERT INTO rollout (account_id, name, action, app_id, project_ids, strategy, schedule, when_offline, state, created_by_kind,
        created_by_id, approved_by_kind, approved_by_id, deadline_at, started_at, rollback_of)
      SELECT r.account_id, left('Rollback of ' || r.name, 200), 'UPDATE', r.app_id, r.project_ids,
        r.strategy - ARRAY['waves', 'abort', 'rollback', 'acceptWithoutRollback'],
        jsonb_build_object('window', r.schedule->'window'), 'QUEUE', 'RUNNING', r.created_by_kind, r.created_by_id,
        r.approved_by_kind, r.approved_by_id, now() + ${deadlineDays} * interval '1 day', now(), r.rollout_id
      FROM rollout r WHERE r.rollout_id = ${rolloutId} AND EXISTS (SELECT 1 FROM rollout_device rd WHERE ${taken})
      RETURNING rollout_id, name
    ), wave AS (
      INSERT INTO rollout_wave (rollout_id, wave, percent, started_at) SELECT rollout_id, 0, 100, now() FROM made
    )
    SELECT rollout_id, name FROM made`.execute(db)
  const rollback = made.rows[0]
  if (!rollback) return null
  const { rows } = await sql<{ devices: number }>`
    WITH inserted AS (
      INSERT INTO rollout_device (rollout_id, account_id, device_id, site_id, wave, turn, from_version_code, to_version_code)
      SELECT ${rollback.rollout_id}, rd.account_id, rd.device_id, rd.site_id, 0, 0, rd.to_version_code, rd.from_version_code
      FROM rollout_device rd WHERE ${taken}
      RETURNING 1
    )
    SELECT count(*)::int AS devices FROM inserted`.execute(db)
  const data = {
    ...{ rolloutId: rollback.rollout_id, name: rollback.name, action: 'UPDATE' },
    ...{ devices: rows[0]?.devices ?? 0, rollbackOf: rolloutId },
  }
  await emitEvents(db, origin, [
    { type: 'rollout.created', accountId, appId, projectIds: eventProjects(projectIds), data },
  ])
  return rollback.rollout_id
}
