import type { RolloutState } from '@ocelli/contract'
import { sql } from 'kysely'
import { eventProjects } from '../../platform/auth/visibility.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { type EventOrigin, emitEvents } from '../../platform/events/emit.ts'

export interface StateChange {
  state: RolloutState
  reason: { code: string; detail: string } | null
  origin: EventOrigin
}

/** Moves the rollout itself, with its event. The caller holds its row. */
export async function changeState(
  db: DatabaseTransaction,
  {
    rolloutId,
    accountId,
    appId,
    state: from,
    wave,
    projectIds,
  }: {
    rolloutId: string
    accountId: string
    appId: string
    state: RolloutState
    wave: number
    projectIds: string[] | null
  },
  { state, reason, origin }: StateChange,
): Promise<void> {
  const hasEnded = state === 'ABORTED' || state === 'COMPLETED'
  await sql`
    WITH changed AS (
      UPDATE rollout SET state = ${state}, reason_code = ${reason?.code ?? null}, reason_detail = ${reason?.detail ?? null},
        is_open = ${state !== 'COMPLETED'}, ended_at = ${hasEnded ? sql`now()` : sql`NULL`}, rate_at = now(), updated_at = now(),
        started_at = ${state === 'RUNNING' ? sql`coalesce(started_at, now())` : sql`started_at`}
      WHERE rollout_id = ${rolloutId}
    )
    UPDATE rollout_wave SET started_at = coalesce(started_at, now())
    WHERE rollout_id = ${rolloutId} AND wave = ${wave} AND ${state} = 'RUNNING'`.execute(db)
  const data = { rolloutId, from, to: state, ...(reason ? { reason: reason.code, detail: reason.detail } : {}) }
  await emitEvents(db, origin, [
    { type: 'rollout.state-changed', accountId, appId, projectIds: eventProjects(projectIds), data },
  ])
}
