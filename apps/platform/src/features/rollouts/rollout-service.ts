import type { Rollout, RolloutDeviceState, RolloutState } from '@ocelli/contract'
import { sql } from 'kysely'
import { eventProjects } from '../../platform/auth/visibility.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { beginRollback } from './begin-rollback.ts'
import { changeState } from './change-state.ts'
import { requireOpenRoom } from './open-rollouts.ts'
import { readRollout, requireWholeSight, seesRollout } from './rollout-view.ts'

interface Locked {
  rolloutId: string
  accountId: string
  appId: string
  state: RolloutState
  reasonCode: string | null
  wave: number
  isDue: boolean
  isPastDeadline: boolean
  keepOpen: boolean
  createdByKind: string
  createdById: string | null
  projectIds: string[] | null
  canRollBack: boolean
}

type Act = (db: DatabaseTransaction, rollout: Locked) => Promise<void>

/** Locks the rollout, does it, and gives the rollout as it then is. */
async function act(context: Context, rolloutId: string, run: Act): Promise<Rollout> {
  return await inTransaction(context.db, async (db) => {
    const { rows } = await sql<Locked>`
      SELECT r.rollout_id AS "rolloutId", r.account_id AS "accountId", r.app_id AS "appId", r.state, r.reason_code AS "reasonCode", r.wave,
        r.start_at <= now() AS "isDue", coalesce(r.deadline_at <= now(), false) AS "isPastDeadline", r.keep_open AS "keepOpen",
        r.created_by_kind AS "createdByKind", r.created_by_id AS "createdById", r.project_ids AS "projectIds",
        r.strategy->>'rollback' = 'PREVIOUS_VERSION' AS "canRollBack"
      FROM rollout r WHERE r.account_id = ${context.caller.accountId} AND r.rollout_id = ${rolloutId} AND ${seesRollout(context.caller)}
      FOR UPDATE OF r`.execute(db)
    const rollout = rows[0]
    if (!rollout) throw notFound(`The rollout ${rolloutId}`)
    await requireWholeSight(db, context.caller, rollout)
    await run(db, rollout)
    return await readRollout({ db, caller: context.caller }, rolloutId)
  })
}

const startState = ({ isDue }: Locked): RolloutState => (isDue ? 'RUNNING' : 'SCHEDULED')

/** What people do to rollouts; the tables of docs/rollouts-states.md. */
export const pauseRollout = (context: Context, rolloutId: string): Promise<Rollout> =>
  act(context, rolloutId, async (db, rollout) => {
    if (rollout.state === 'PAUSED') return
    requireState(rollout, ['SCHEDULED', 'RUNNING'], 'paused')
    const reason = { code: 'paused', detail: 'Paused by a person. What is in flight comes to its end.' }
    await changeState(db, rollout, { state: 'PAUSED', reason, origin: context.origin })
  })

export const resumeRollout = (context: Context, rolloutId: string): Promise<Rollout> =>
  act(context, rolloutId, async (db, rollout) => {
    if (rollout.state === 'RUNNING' || rollout.state === 'SCHEDULED') return
    requireState(rollout, ['PAUSED'], 'resumed')
    // whoever resumes after a wave has stopped the rollout lets that wave pass
    if (rollout.reasonCode === 'wave-below-share') {
      await sql`UPDATE rollout SET gate_passed = true WHERE rollout_id = ${rollout.rolloutId}`.execute(db)
    }
    await changeState(db, rollout, { state: startState(rollout), reason: null, origin: context.origin })
  })

export const abortRollout = (context: Context, rolloutId: string): Promise<Rollout> =>
  act(context, rolloutId, async (db, rollout) => {
    if (rollout.state === 'ABORTED') return
    requireState(rollout, ['AWAITING_APPROVAL', 'SCHEDULED', 'RUNNING', 'PAUSED'], 'aborted')
    const reason = { code: 'aborted', detail: 'Aborted by a person. What is in flight comes to its end.' }
    await changeState(db, rollout, { state: 'ABORTED', reason, origin: context.origin })
  })

/** Read once the rollout's row is held: within the statement that waits for it, it would be as it was before the waiting. */
async function isRolledBack(db: DatabaseTransaction, rolloutId: string): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM rollout WHERE rollback_of = ${rolloutId}`.execute(db)
  return rows.length > 0
}

/** Sets back what the rollout has changed; one that still runs is aborted first. */
export const rollBackRollout = (context: Context, rolloutId: string): Promise<Rollout> =>
  act(context, rolloutId, async (db, rollout) => {
    if (await isRolledBack(db, rolloutId)) return
    requireState(rollout, ['RUNNING', 'PAUSED', 'ABORTED', 'COMPLETED'], 'rolled back')
    if (!rollout.canRollBack) {
      throw new ProblemError(
        'state-conflict',
        'This rollout was made without "rollback": "PREVIOUS_VERSION", so nobody was told which devices lose data. Install the older version with "allowDowngrade": true.',
      )
    }
    const { origin } = context
    if (rollout.state === 'RUNNING' || rollout.state === 'PAUSED') {
      const reason = {
        code: 'rolled-back',
        detail: 'Rolled back by a person. What is in flight comes to its end first.',
      }
      await changeState(db, rollout, { state: 'ABORTED', reason, origin })
    }
    await beginRollback(db, rollout, origin)
  })

export const approveRollout = (context: Context, rolloutId: string): Promise<Rollout> =>
  act(context, rolloutId, async (db, rollout) => {
    const { caller } = context
    requireState(rollout, ['AWAITING_APPROVAL'], 'approved')
    if (caller.kind !== 'user') {
      throw new ProblemError('state-conflict', 'A rollout is approved by a person, not by a technical user.')
    }
    if (rollout.createdByKind === caller.kind && rollout.createdById === caller.id) {
      throw new ProblemError('state-conflict', 'A rollout is approved by a second person, not by the one who made it.')
    }
    await sql`UPDATE rollout SET approved_by_kind = ${caller.kind}, approved_by_id = ${caller.id}
      WHERE rollout_id = ${rollout.rolloutId}`.execute(db)
    await changeState(db, rollout, { state: startState(rollout), reason: null, origin: context.origin })
  })

/** Takes in no more devices; what it has comes to its end. */
export const closeRollout = (context: Context, rolloutId: string): Promise<Rollout> =>
  act(context, rolloutId, async (db, { accountId, appId, projectIds, ...rollout }) => {
    if (!rollout.keepOpen) return
    requireState(rollout, ['SCHEDULED', 'RUNNING', 'PAUSED'], 'closed')
    await sql`UPDATE rollout SET keep_open = false, updated_at = now() WHERE rollout_id = ${rolloutId}`.execute(db)
    await emitEvents(db, context.origin, [
      { type: 'rollout.closed', accountId, appId, projectIds: eventProjects(projectIds), data: { rolloutId } },
    ])
  })

type Retried = Extract<RolloutDeviceState, 'FAILED' | 'REJECTED' | 'TIMED_OUT'>
export const retriedStates: readonly Retried[] = ['FAILED', 'REJECTED', 'TIMED_OUT']

/** Failed devices begin again, with all attempts. Units are reserved again as they are admitted. */
export const retryRollout = (
  context: Context,
  rolloutId: string,
  { states, openLimit }: { states: readonly Retried[]; openLimit: number },
): Promise<Rollout> =>
  act(context, rolloutId, async (db, rollout) => {
    requireState(rollout, ['RUNNING', 'PAUSED', 'COMPLETED'], 'retried')
    if (await isRolledBack(db, rolloutId)) {
      throw new ProblemError(
        'state-conflict',
        'This rollout has been rolled back. Retry the rollback, or make a new rollout.',
      )
    }
    const { origin } = context
    const { rows } = await sql<{ count: number }>`
      WITH before AS MATERIALIZED (
        SELECT rd.device_id, rd.state, d.project_ids FROM rollout_device rd
        LEFT JOIN device d ON d.account_id = rd.account_id AND d.device_id = rd.device_id
        WHERE rd.rollout_id = ${rolloutId} AND rd.state = ANY(${states}::text[])
      ), moved AS (
        UPDATE rollout_device rd SET state = 'PENDING', turn = ${rollout.wave}::smallint, attempts = 0, due_at = now(), reason = 'retried',
          detail = NULL, error = NULL, ended_at = NULL, updated_at = now()
        FROM before b WHERE rd.rollout_id = ${rolloutId} AND rd.device_id = b.device_id
      ), told AS (
        INSERT INTO event (account_id, type, actor_kind, actor_id, device_id, app_id, project_ids, request_id, data)
        SELECT ${rollout.accountId}, 'rollout.device-changed', ${origin.actor.kind}, ${origin.actor.id}, b.device_id, ${rollout.appId},
          b.project_ids, ${origin.requestId}, jsonb_build_object('rolloutId', ${rolloutId}::text, 'from', b.state, 'to', 'PENDING',
            'reason', 'retried') FROM before b
      )
      SELECT count(*)::int AS count FROM before`.execute(db)
    if ((rows[0]?.count ?? 0) === 0) return
    if (rollout.isPastDeadline) {
      await sql`UPDATE rollout SET deadline_at = now() + interval '30 days' WHERE rollout_id = ${rolloutId}`.execute(db)
    }
    if (rollout.state === 'COMPLETED') {
      await requireOpenRoom(db, { accountId: rollout.accountId, limit: openLimit })
      await changeState(db, rollout, { state: 'RUNNING', reason: null, origin })
    }
  })

function requireState({ state }: Pick<Locked, 'state'>, allowed: RolloutState[], done: string): void {
  if (allowed.includes(state)) return
  throw new ProblemError('state-conflict', `A rollout that is ${state} cannot be ${done}.`)
}
