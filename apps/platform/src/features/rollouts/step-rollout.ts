import { sql } from 'kysely'
import { eventProjects } from '../../platform/auth/visibility.ts'
import { brokenConstraint, type Database, type DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { allowLongStatements } from '../../platform/database/session-limits.ts'
import { byPlatform, emitEvents } from '../../platform/events/emit.ts'
import { type AdmissionResult, admitPending } from './admit-pending.ts'
import { beginRollback } from './begin-rollback.ts'
import { changeState } from './change-state.ts'
import { joinDevices } from './join-devices.ts'
import { judge, sumCounters } from './judge.ts'
import { type Move, moveDevices } from './move-devices.ts'
import { type RolloutRow, rolloutColumns, waveCounters } from './rollout-row.ts'
import { settleDevices } from './settle-devices.ts'

export interface StepResult {
  /** False: somebody else holds the rollout right now, or it has ended. Hints are to be given again. */
  held: boolean
  /** There is more to do at once. */
  hasMore: boolean
  /** Desired states were written: the device channel has something to send. */
  hasWishes: boolean
}

const endedAtOnce = 2000

/** One step of one rollout, in one transaction. Of several processes one takes it, the others go past it. */
export async function stepRollout(
  db: Database,
  rolloutId: string,
  { settled, nowMs }: { settled: string[]; nowMs: () => number },
): Promise<StepResult> {
  const idle = { held: false, hasMore: false, hasWishes: false }
  try {
    return await inTransaction(db, async (transaction) => {
      const rollout = await lockRollout(transaction, rolloutId)
      return rollout ? await step(transaction, rollout, { settled, nowMs: nowMs() }) : idle
    })
  } catch (error) {
    // the last units went to somebody else between reading and writing: the next step sees how many are left
    if (brokenConstraint(error)?.constraint === 'app_order_units') return { ...idle, hasMore: true }
    throw error
  }
}

async function lockRollout(db: DatabaseTransaction, rolloutId: string): Promise<RolloutRow | null> {
  const { rows } = await sql<RolloutRow>`SELECT ${rolloutColumns} FROM rollout r
    WHERE r.rollout_id = ${rolloutId} AND r.is_open FOR UPDATE OF r SKIP LOCKED`.execute(db)
  return rows[0] ?? null
}

async function step(
  db: DatabaseTransaction,
  rollout: RolloutRow,
  { settled, nowMs }: { settled: string[]; nowMs: number },
): Promise<StepResult> {
  const hints = await settleDevices(db, rollout, settled)
  const done: StepResult = { held: true, hasMore: hints.isFull, hasWishes: false }
  if (rollout.state === 'ABORTED' || rollout.isPastDeadline)
    return { ...done, hasMore: (await endRest(db, rollout)) || done.hasMore }
  if (rollout.state === 'SCHEDULED' && rollout.isDue) {
    await changeState(db, rollout, { state: 'RUNNING', reason: null, origin: byPlatform })
    return { ...done, hasMore: true }
  }
  if (rollout.state === 'PAUSED') {
    await judgeNow(db, rollout, nowMs)
    return done
  }
  if (rollout.state !== 'RUNNING') return done
  if (rollout.looksForJoiners) {
    await allowLongStatements(db)
    await joinDevices(db, rollout)
  }
  if (rollout.looksAtOffline) await recallReturned(db, rollout)
  const course = await judgeNow(db, rollout, nowMs)
  if (!course.admits) return { ...done, hasMore: course.hasMoved }
  const admitted: AdmissionResult = await admitPending(db, rollout, { counters: course.counters, nowMs })
  return { held: true, hasMore: done.hasMore || admitted.hasMore, hasWishes: admitted.hasWishes }
}

/** Carries out what becomes of the rollout by its counters. */
async function judgeNow(db: DatabaseTransaction, rollout: RolloutRow, nowMs: number) {
  const { rolloutId, accountId, appId, projectIds, wave, waveEndedAt, gatePassed, keepOpen, strategy } = rollout
  const { rows } = await sql<{ counters: ReturnType<typeof sumCounters> }>`
    SELECT ${waveCounters} AS counters FROM rollout_wave w WHERE w.rollout_id = ${rolloutId} ORDER BY w.wave`.execute(
    db,
  )
  const waves = rows.map(({ counters }) => counters)
  const counters = sumCounters(waves)
  const waveEndedAtMs = waveEndedAt === null ? null : Date.parse(waveEndedAt)
  const verdict = judge({ waves, wave, waveEndedAtMs, gatePassed, keepOpen, strategy, nowMs })
  const moved = { counters, admits: false, hasMoved: true }
  const origin = byPlatform
  if (verdict.kind === 'abort') {
    await changeState(db, rollout, { state: 'ABORTED', reason: { code: 'abort-rule', detail: verdict.detail }, origin })
    if (strategy.rollback === 'PREVIOUS_VERSION') await beginRollback(db, rollout, origin)
    return moved
  }
  if (rollout.state !== 'RUNNING' || verdict.kind === 'go-on') return { ...moved, admits: true, hasMoved: false }
  switch (verdict.kind) {
    case 'hold':
      await changeState(db, rollout, {
        state: 'PAUSED',
        reason: { code: 'wave-below-share', detail: verdict.detail },
        origin,
      })
      return moved
    case 'complete':
      await changeState(db, rollout, { state: 'COMPLETED', reason: null, origin })
      return { ...moved, hasMoved: false }
    case 'wave-ended':
      await sql`WITH w AS (UPDATE rollout_wave SET ended_at = now() WHERE rollout_id = ${rolloutId} AND wave = ${wave})
        UPDATE rollout SET wave_ended_at = now(), updated_at = now() WHERE rollout_id = ${rolloutId}`.execute(db)
      return moved
    case 'next-wave':
      await sql`WITH w AS (UPDATE rollout_wave SET started_at = now() WHERE rollout_id = ${rolloutId} AND wave = ${wave + 1})
        UPDATE rollout SET wave = wave + 1, wave_ended_at = NULL, gate_passed = false, updated_at = now()
        WHERE rollout_id = ${rolloutId}`.execute(db)
      await emitEvents(db, origin, [
        {
          ...{ type: 'rollout.wave-started', accountId, appId, projectIds: eventProjects(projectIds) },
          data: { rolloutId, wave: wave + 2 },
        },
      ])
      return moved
  }
}

/** Offline devices that are back, or gone, have their turn in the wave at work. */
async function recallReturned(db: DatabaseTransaction, rollout: RolloutRow): Promise<void> {
  const { rolloutId, accountId } = rollout
  const { rows } = await sql<{ deviceId: string }>`
    SELECT rd.device_id AS "deviceId" FROM rollout_device rd
    LEFT JOIN device d ON d.account_id = ${accountId} AND d.device_id = rd.device_id
    WHERE rd.rollout_id = ${rolloutId} AND rd.state = 'OFFLINE' AND (d.device_id IS NULL OR d.state = 'UNCLAIMED' OR d.connectivity = 'ONLINE')
    LIMIT ${endedAtOnce}`.execute(db)
  await sql`UPDATE rollout SET offline_checked_at = now() WHERE rollout_id = ${rolloutId}`.execute(db)
  const moves: Move[] = rows.map(({ deviceId }) => ({ deviceId, to: 'PENDING', reason: 'returned', detail: null }))
  await moveDevices(db, rollout, { moves, origin: byPlatform })
}

/** After an abort or the deadline: what has not begun ends, some at a time; then the rollout closes. True: more are left. */
async function endRest(db: DatabaseTransaction, rollout: RolloutRow): Promise<boolean> {
  const { rolloutId, state } = rollout
  const isAborted = state === 'ABORTED'
  const { rows } = await sql<{ deviceId: string; state: string }>`
    SELECT rd.device_id AS "deviceId", rd.state FROM rollout_device rd
    WHERE rd.rollout_id = ${rolloutId} AND rd.state IN ('PENDING', 'OFFLINE') LIMIT ${endedAtOnce}`.execute(db)
  const moves = rows.map(({ deviceId, state: from }): Move => {
    if (isAborted)
      return { deviceId, to: 'CANCELLED', reason: 'aborted', detail: 'The rollout was aborted before its turn.' }
    return from === 'OFFLINE'
      ? {
          deviceId,
          to: 'TIMED_OUT',
          reason: 'device-offline',
          detail: 'The device did not come back before the deadline.',
        }
      : { deviceId, to: 'CANCELLED', reason: 'deadline-passed', detail: 'The deadline passed before its turn.' }
  })
  await moveDevices(db, rollout, { moves, origin: byPlatform })
  if (rows.length === endedAtOnce) return true
  if (state === 'AWAITING_APPROVAL') {
    const reason = { code: 'deadline-passed', detail: 'The deadline passed before anybody approved.' }
    await changeState(db, rollout, { state: 'ABORTED', reason, origin: byPlatform })
    return true
  }
  const left = await sql<{ left: boolean }>`SELECT coalesce(sum(in_flight), 0) > 0 AS left FROM rollout_wave
    WHERE rollout_id = ${rolloutId}`.execute(db)
  if (left.rows[0]?.left) return false
  if (isAborted)
    await sql`UPDATE rollout SET is_open = false, updated_at = now() WHERE rollout_id = ${rolloutId}`.execute(db)
  else await changeState(db, rollout, { state: 'COMPLETED', reason: null, origin: byPlatform })
  return false
}
