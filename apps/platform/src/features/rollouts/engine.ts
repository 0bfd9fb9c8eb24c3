import { sql } from 'kysely'
import type { Logger } from 'pino'
import type { Database } from '../../platform/database/database.ts'
import { createLookout } from '../../platform/lookout.ts'
import { createTrouble } from '../../platform/trouble.ts'
import type { SettledPair } from '../installations/installation-batch.ts'
import { stepRollout } from './step-rollout.ts'

export interface RolloutEngine {
  start(): void
  /** A hint that something about a rollout has changed: looked at within some milliseconds, many hints by one look. */
  wake(): void
  /** A hint that installations have settled. Lost, they are found within 15 s. */
  settled(pairs: SettledPair[]): void
  close(): Promise<void>
}

const wakeAfterMs = 20
const lookEveryMs = 1000
const stepsPerLook = 20

/**
 * Advances all open rollouts: at hints, and once a second. Nothing is kept here that matters: any number of processes do
 * the same on one database, and each rollout is stepped by whoever gets hold of its row.
 */
export function createRolloutEngine(options: {
  db: Database
  log: Logger
  nowMs: () => number
  /** The device channel has something to send. */
  onWishes: () => void
}): RolloutEngine {
  const { db, log, nowMs, onWishes } = options
  let hints = new Map<string, SettledPair>()
  let hasOpen = false
  let isFirstLook = true
  const lookout = createLookout({
    ...{ look: lookAtAll, wakeAfterMs, lookEveryMs },
    trouble: createTrouble(log, 'a look at all rollouts'),
  })

  async function lookAtAll(): Promise<void> {
    const taken = hints
    hints = new Map()
    const open = await readOpen(db)
    hasOpen = open.length > 0
    if (!hasOpen) return
    if (isFirstLook) for (const pair of await readSettled(db)) taken.set(keyOf(pair), pair)
    isFirstLook = false
    const settled = await readHinted(db, [...taken.values()])
    for (const rolloutId of open) {
      if (lookout.isClosed) return
      await advance(rolloutId, settled.get(rolloutId) ?? []).catch((err: unknown) =>
        log.error({ err, rolloutId }, 'a rollout could not be advanced; it is tried again in a second'),
      )
    }
  }

  /** Steps a rollout while it has more to do, but not for ever: the others have their turn. */
  async function advance(rolloutId: string, settled: { accountId: string; deviceId: string }[]): Promise<void> {
    let given = settled.map(({ deviceId }) => deviceId)
    for (let steps = 0; steps < stepsPerLook && !lookout.isClosed; steps++) {
      const { held, hasMore, hasWishes } = await stepRollout(db, rolloutId, { settled: given, nowMs })
      if (hasWishes) onWishes()
      if (!held) {
        // somebody else has it: what it does not see is looked at right after
        for (const pair of settled) hints.set(keyOf(pair), pair)
        if (settled.length > 0) lookout.wake()
        return
      }
      given = []
      if (!hasMore) return
    }
    lookout.wake()
  }

  return {
    start: lookout.start,
    wake: lookout.wake,
    settled(pairs) {
      if (pairs.length === 0) return
      for (const pair of pairs) hints.set(keyOf(pair), pair)
      // without a rollout that it knows of, the look of this second is soon enough
      if (hasOpen) lookout.wake()
    },
    close: lookout.close,
  }
}

const keyOf = ({ accountId, deviceId }: SettledPair): string => `${accountId}/${deviceId}`

/** Rollouts that have something to do, the longest waiting first. */
async function readOpen(db: Database): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    SELECT rollout_id AS id FROM rollout WHERE is_open AND (state <> 'SCHEDULED' OR start_at <= now() OR deadline_at <= now())
      AND (state <> 'AWAITING_APPROVAL' OR deadline_at <= now())
    ORDER BY start_at`.execute(db)
  return rows.map(({ id }) => id)
}

/** Devices in flight that have settled already: a process that was killed took its hints with it. */
async function readSettled(db: Database): Promise<SettledPair[]> {
  const { rows } = await sql<SettledPair>`
    SELECT rd.account_id AS "accountId", rd.device_id AS "deviceId"
    FROM rollout r JOIN rollout_device rd ON rd.rollout_id = r.rollout_id AND rd.state = 'IN_FLIGHT'
    CROSS JOIN LATERAL (SELECT FROM installation o WHERE o.account_id = rd.account_id AND o.device_id = rd.device_id
      AND o.app_id = r.app_id AND o.settled OFFSET 0) i
    WHERE r.is_open`.execute(db)
  return rows
}

/** The rollouts in which these devices are in flight. */
async function readHinted(db: Database, pairs: SettledPair[]): Promise<Map<string, SettledPair[]>> {
  if (pairs.length === 0) return new Map()
  const { rows } = await sql<SettledPair & { rolloutId: string }>`
    SELECT rd.rollout_id AS "rolloutId", rd.account_id AS "accountId", rd.device_id AS "deviceId"
    FROM unnest(${pairs.map((pair) => pair.accountId)}::uuid[], ${pairs.map((pair) => pair.deviceId)}::text[]) AS p(account_id, device_id)
    -- OFFSET 0: a look into the index for each device, whatever the planner knows of a table that has just grown
    CROSS JOIN LATERAL (SELECT o.rollout_id, o.account_id, o.device_id FROM rollout_device o
      WHERE o.account_id = p.account_id AND o.device_id = p.device_id AND o.state = 'IN_FLIGHT' OFFSET 0) rd`.execute(
    db,
  )
  return Map.groupBy(rows, ({ rolloutId }) => rolloutId)
}
