import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { byPlatform } from '../../platform/events/emit.ts'
import { checkEverySeconds } from './admit-devices.ts'
import { type Move, moveDevices } from './move-devices.ts'
import type { RolloutRow } from './rollout-row.ts'
import { type InFlight, type Settled, settle } from './settle-rules.ts'

type Row = InFlight & { deviceId: string }

const atOnce = 2000

/**
 * Ends what has settled: the devices named by hints, and those whose time to be looked at has come. Gives the number
 * moved and whether more of the latter are left.
 */
export async function settleDevices(
  db: DatabaseTransaction,
  rollout: RolloutRow,
  hinted: string[],
): Promise<{ moved: number; isFull: boolean }> {
  const rows = await readInFlight(db, rollout, hinted)
  const mayRetry = rollout.state !== 'ABORTED' && !rollout.isPastDeadline
  const moves: Move[] = []
  const underWay: string[] = []
  for (const row of rows) {
    const { action, strategy, rollbackOf } = rollout
    const outcome = settle(row, { action, strategy, mayRetry, isRollback: rollbackOf !== null })
    if (outcome) moves.push(moveOf(row.deviceId, outcome))
    else underWay.push(row.deviceId)
  }
  await moveDevices(db, rollout, { moves, origin: byPlatform })
  await watchTimers(db, rollout, underWay)
  return { moved: moves.length, isFull: rows.length >= atOnce + hinted.length }
}

async function readInFlight(
  db: DatabaseTransaction,
  { rolloutId, accountId, appId }: RolloutRow,
  hinted: string[],
): Promise<Row[]> {
  const { rows } = await sql<Row>`
    WITH seen AS MATERIALIZED (
      SELECT device_id FROM unnest(${hinted}::text[]) AS h(device_id)
      UNION
      (SELECT rd.device_id FROM rollout_device rd
       WHERE rd.rollout_id = ${rolloutId} AND rd.state = 'IN_FLIGHT' AND rd.check_at <= now() ORDER BY rd.check_at LIMIT ${atOnce})
    )
    -- OFFSET 0: a look into the index for each device, whatever the planner knows of tables that have just grown
    SELECT rd.device_id AS "deviceId", rd.attempts, rd.revision,
      CASE WHEN i.account_id IS NOT NULL THEN json_build_object('revision', i.revision, 'settled', i.settled, 'presence', i.presence,
        'installationState', i.installation_state, 'present', i.present, 'runningState', i.running_state, 'error', i.error) END AS installation
    FROM seen s CROSS JOIN LATERAL (SELECT o.device_id, o.attempts, o.revision, o.state FROM rollout_device o
      WHERE o.rollout_id = ${rolloutId} AND o.device_id = s.device_id OFFSET 0) rd
    LEFT JOIN LATERAL (SELECT o.* FROM installation o
      WHERE o.account_id = ${accountId} AND o.device_id = s.device_id AND o.app_id = ${appId} OFFSET 0) i ON true
    WHERE rd.state = 'IN_FLIGHT'`.execute(db)
  return rows
}

function moveOf(deviceId: string, outcome: Settled): Move {
  switch (outcome.to) {
    case 'SUCCEEDED':
      return { deviceId, to: 'SUCCEEDED', reason: null, detail: null }
    case 'CANCELLED':
      return { deviceId, to: 'CANCELLED', reason: outcome.reason, detail: cancelled[outcome.reason] }
    case 'PENDING': {
      const { error, dueInSeconds } = outcome
      return { deviceId, to: 'PENDING', reason: error.code, detail: error.detail, error, dueInSeconds }
    }
    case 'FAILED':
    case 'REJECTED':
    case 'TIMED_OUT': {
      const { to, error } = outcome
      return { deviceId, to, reason: error.code, detail: error.detail, error }
    }
  }
}

const cancelled = {
  'device-gone': 'The device or its installation is no longer in this account.',
  superseded: 'Another request took the place of the wish of this rollout.',
}

/**
 * Looks at timers of devices that are under way. The device's timer runs from its first step, since waiting for admission
 * uses up no deadline. What is overdue gets the installation's own deadline set to now: its sweep settles it by its rules.
 */
async function watchTimers(db: DatabaseTransaction, rollout: RolloutRow, deviceIds: string[]): Promise<void> {
  if (deviceIds.length === 0) return
  const { rolloutId, accountId, appId, strategy } = rollout
  const step = strategy.stepTimeoutSeconds ?? null
  const device = strategy.deviceTimeoutSeconds ?? null
  await sql`
    -- the keys whole in each row, and OFFSET 0: looks into indexes for each device, as above
    WITH given AS MATERIALIZED (SELECT ${rolloutId}::uuid AS rollout_id, ${accountId}::uuid AS account_id, ${appId}::text AS app_id,
        u.device_id FROM unnest(${deviceIds}::text[]) AS u(device_id)
    ), seen AS (
      UPDATE rollout_device rd SET check_at = now() + ${checkEverySeconds} * interval '1 second',
        step = coalesce(i.progress->>'step', rd.step),
        step_at = CASE WHEN i.progress->>'step' IS NOT NULL AND rd.step IS DISTINCT FROM i.progress->>'step' THEN now() ELSE rd.step_at END,
        deadline_at = CASE WHEN rd.step IS NULL THEN now() + ${device}::int * interval '1 second' ELSE rd.deadline_at END
      FROM given g CROSS JOIN LATERAL (SELECT o.progress FROM installation o
        WHERE o.account_id = g.account_id AND o.device_id = g.device_id AND o.app_id = g.app_id OFFSET 0) i
      WHERE rd.rollout_id = g.rollout_id AND rd.device_id = g.device_id AND rd.state = 'IN_FLIGHT'
      RETURNING g.account_id, g.device_id, g.app_id, rd.revision,
        coalesce(rd.deadline_at <= now() OR rd.step_at + ${step}::int * interval '1 second' <= now(), false) AS is_overdue
    )
    UPDATE installation i SET deadline_at = now() FROM seen s
    WHERE s.is_overdue AND i.account_id = s.account_id AND i.device_id = s.device_id AND i.app_id = s.app_id
      AND i.revision = s.revision AND NOT i.settled`.execute(db)
}
