import type { InstallationError, RolloutDeviceState } from '@ocelli/contract'
import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import type { EventOrigin } from '../../platform/events/emit.ts'
import type { RolloutRow } from './rollout-row.ts'

/** One device's way from a state to another, but into IN_FLIGHT. */
export interface Move {
  deviceId: string
  to: Exclude<RolloutDeviceState, 'IN_FLIGHT'>
  reason: string | null
  detail: string | null
  error?: InstallationError | null
  /** PENDING: looked at again so much later. */
  dueInSeconds?: number
}

type Moved = Pick<RolloutRow, 'rolloutId' | 'accountId' | 'appId' | 'wave'>

/** States that give back the unit that was reserved here, if the license has not left the platform. */
const releasing = ['ALREADY_DONE', 'FAILED', 'REJECTED', 'TIMED_OUT', 'SKIPPED', 'CANCELLED']

/** Moves devices by one statement, with their events and the units that they give back. */
export async function moveDevices(
  db: DatabaseTransaction,
  { rolloutId, accountId, appId, wave }: Moved,
  { moves, origin }: { moves: Move[]; origin: EventOrigin },
): Promise<void> {
  if (moves.length === 0) return
  await sql`
    WITH given AS (
      SELECT *, ${rolloutId}::uuid AS rollout_id FROM jsonb_to_recordset(${JSON.stringify(moves)}::jsonb) AS g("deviceId" text,
        "to" text, reason text, detail text, error jsonb, "dueInSeconds" float8)
    ), before AS MATERIALIZED (
      SELECT rd.device_id, rd.state, rd.license_id, rd.attempts, d.project_ids
      FROM given g CROSS JOIN LATERAL (SELECT o.device_id, o.state, o.license_id, o.attempts FROM rollout_device o
        WHERE o.rollout_id = g.rollout_id AND o.device_id = g."deviceId" OFFSET 0) rd
      LEFT JOIN device d ON d.account_id = ${accountId} AND d.device_id = rd.device_id
    ), moved AS (
      UPDATE rollout_device rd SET state = g."to", reason = g.reason, detail = g.detail, error = nullif(g.error, 'null'),
        due_at = CASE WHEN g."to" = 'PENDING' THEN now() + coalesce(g."dueInSeconds", 0) * interval '1 second' ELSE rd.due_at END,
        turn = CASE WHEN g."to" = 'PENDING' THEN ${wave}::smallint ELSE rd.turn END,
        revision = NULL, check_at = NULL, deadline_at = NULL, step = NULL, step_at = NULL,
        ended_at = CASE WHEN g."to" NOT IN ('PENDING', 'OFFLINE') THEN now() END, updated_at = now()
      FROM given g WHERE rd.rollout_id = g.rollout_id AND rd.device_id = g."deviceId"
      RETURNING rd.device_id
    ), released AS (
      UPDATE license l SET state = 'RELEASED', released_at = now(), release_reason = 'rollout'
      FROM before b JOIN given g ON g."deviceId" = b.device_id
      -- of this account still: a transfer may have taken it along with its device
      WHERE g."to" = ANY(${releasing}::text[]) AND l.license_id = b.license_id AND l.account_id = ${accountId} AND l.state = 'RESERVED'
        AND NOT EXISTS (SELECT 1 FROM installation i WHERE i.license_id = l.license_id AND i.presence IS NOT NULL)
      RETURNING l.license_id, l.order_id, l.device_id
    )
    INSERT INTO event (account_id, type, actor_kind, actor_id, device_id, app_id, license_id, order_id, project_ids, request_id, data)
    SELECT ${accountId}::uuid, 'rollout.device-changed', ${origin.actor.kind}, ${origin.actor.id}, b.device_id, ${appId}, NULL::uuid, NULL::uuid,
      b.project_ids, ${origin.requestId}, jsonb_strip_nulls(jsonb_build_object('rolloutId', ${rolloutId}::text, 'from', b.state,
        'to', g."to", 'attempts', b.attempts, 'reason', g.reason, 'detail', g.detail, 'error', nullif(g.error, 'null'),
        'dueInSeconds', g."dueInSeconds"))
    FROM before b JOIN given g ON g."deviceId" = b.device_id
    UNION ALL
    SELECT ${accountId}::uuid, 'license.released', ${origin.actor.kind}, ${origin.actor.id}, r.device_id, ${appId}, r.license_id, r.order_id,
      b.project_ids, ${origin.requestId}, jsonb_build_object('reason', 'rollout', 'rolloutId', ${rolloutId}::text)
    FROM released r JOIN before b ON b.device_id = r.device_id`.execute(db)
}
