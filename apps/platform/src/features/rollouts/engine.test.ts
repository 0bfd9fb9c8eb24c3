import { setTimeout as pause } from 'node:timers/promises'
import type { Rollout } from '@ocelli/contract'
import fc from 'fast-check'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRolloutPlatform } from '../../../test/rollout-bench.ts'
import {
  failure,
  finish,
  get,
  inFlight,
  installOf,
  makeFleet,
  post,
  recount,
  type TestFleet,
  unitsUsed,
} from '../../../test/rollout-fixture.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'
import { type Database, openDatabase } from '../../platform/database/database.ts'
import { createRolloutEngine, type RolloutEngine } from './engine.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createRolloutPlatform()
})
afterAll(() => platform?.close())

interface Process {
  engine: RolloutEngine
  db: Database
  /** Ends its connections in the middle of whatever they do, as a SIGKILL of the process would. */
  kill(): Promise<void>
  close(): Promise<void>
}

/** An engine on a pool of its own. */
function startProcess(name: string): Process {
  const url = new URL(platform.connectionString)
  url.searchParams.set('application_name', name)
  const { db, close } = openDatabase({ connectionString: url.href, maxConnections: 3, onError: () => {} })
  const engine = createRolloutEngine({ db, log: pino({ level: 'silent' }), nowMs: Date.now, onWishes: () => {} })
  engine.start()
  return {
    engine,
    db,
    kill: async () => {
      await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ${name}`.execute(
        platform.db,
      )
    },
    close: async () => {
      await engine.close()
      await close()
    },
  }
}

async function makeRollout(fleet: TestFleet, request: Parameters<typeof installOf>[1]): Promise<Rollout> {
  const { status, body } = await post(platform, fleet.account, { body: installOf(fleet, request) })
  expect(status).toBe(201)
  return body as Rollout
}

/** Gateways that finish what is in flight, now and then failing, until nothing is open. Checks the counters all the time. */
async function playGateways(
  fleet: TestFleet,
  rollouts: Rollout[],
  {
    fails,
    meanwhile,
  }: { fails: (deviceId: string, round: number) => boolean; meanwhile: (round: number) => Promise<RolloutEngine[]> },
): Promise<Rollout[]> {
  const untilMs = Date.now() + 60_000
  for (let round = 0; Date.now() < untilMs; round++) {
    const engines = await meanwhile(round)
    for (const { rolloutId } of rollouts) {
      const wishes = await inFlight(platform.db, rolloutId)
      const done = wishes.map((wish) => ({ ...wish, error: fails(wish.deviceId, round) ? failure('network') : null }))
      const settled = await finish(platform.db, fleet, done)
      const pairs = settled.map((deviceId) => ({ accountId: fleet.account.accountId, deviceId }))
      engines[round % engines.length]?.settled(pairs)
      await checkInvariants(fleet, rolloutId)
    }
    const now = await Promise.all(rollouts.map(({ rolloutId }) => get<Rollout>(platform, fleet.account, rolloutId)))
    if (now.every(({ state }) => state === 'COMPLETED')) return now
    await pause(10)
  }
  throw new Error('The rollouts did not end in time.')
}

/** One statement, so that all figures are of one moment. */
async function checkInvariants(fleet: TestFleet, rolloutId: string): Promise<void> {
  const { rows } = await sql<{ wrong: number; twice: number; over: number; total: number }>`
    SELECT (SELECT count(*)::int FROM (
        SELECT wave, count(*) AS total, count(*) FILTER (WHERE state = 'PENDING') AS pending, count(*) FILTER (WHERE state = 'IN_FLIGHT') AS flying,
          count(*) FILTER (WHERE state = 'SUCCEEDED') AS succeeded, count(*) FILTER (WHERE state = 'FAILED') AS failed
        FROM rollout_device WHERE rollout_id = ${rolloutId} GROUP BY wave) c
      JOIN rollout_wave w ON w.rollout_id = ${rolloutId} AND w.wave = c.wave
      WHERE (c.total, c.pending, c.flying, c.succeeded, c.failed) IS DISTINCT FROM (w.total::bigint, w.pending::bigint, w.in_flight::bigint, w.succeeded::bigint, w.failed::bigint)) AS wrong,
      (SELECT count(*)::int FROM (SELECT 1 FROM rollout_device WHERE account_id = ${fleet.account.accountId} AND state = 'IN_FLIGHT'
        GROUP BY device_id HAVING count(*) > 1) t) AS twice,
      (SELECT count(*)::int FROM (SELECT count(*) AS n FROM rollout_device WHERE account_id = ${fleet.account.accountId} AND state = 'IN_FLIGHT'
        GROUP BY site_id) s WHERE n > 8) AS over,
      (SELECT count(*)::int FROM rollout_device WHERE rollout_id = ${rolloutId}) AS total`.execute(platform.db)
  expect(rows[0]).toMatchObject({ wrong: 0, twice: 0, over: 0 })
}

describe('two engines on one database', () => {
  it('bring rollouts to their end with exact counters and units, within the budgets of sites', {
    timeout: 90_000,
  }, async () => {
    const processes = [startProcess('engine-a'), startProcess('engine-b')]
    try {
      const property = fc.asyncProperty(
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 5, max: 40 }),
        async (modulus, maxInFlight) => {
          const fleet = await makeFleet(platform, { devices: 80, sites: 5, units: 90, maxInFlight: 8 })
          const strategy = {
            maxInFlight,
            attempts: 2,
            backoffSeconds: 0,
            waves: [{ count: 10, minSuccessPercent: 0 }, { percent: 100 }],
          }
          const half = (from: number) => fleet.devices.slice(from, from + 40).map(({ deviceId }) => deviceId)
          const rollouts = [
            await makeRollout(fleet, { strategy, devices: { deviceIds: half(0) } }),
            await makeRollout(fleet, { strategy, devices: { deviceIds: half(40) } }),
          ]
          for (const { engine } of processes) engine.wake()
          const ended = await playGateways(fleet, rollouts, {
            fails: (deviceId) => modulus > 0 && Number(deviceId.slice(-3)) % (modulus + 2) === 0,
            meanwhile: async () => processes.map(({ engine }) => engine),
          })
          const failed = ended.reduce((sum, { counters }) => sum + counters.failed, 0)
          const succeeded = ended.reduce((sum, { counters }) => sum + counters.succeeded, 0)
          const expected = modulus === 0 ? 0 : Math.floor(80 / (modulus + 2))
          expect([failed, succeeded]).toEqual([expected, 80 - expected])
          expect(await unitsUsed(platform.db, fleet)).toEqual({ used: succeeded, held: succeeded })
        },
      )
      await fc.assert(property, { numRuns: 3, seed: 20261123 })
    } finally {
      await Promise.all(processes.map((one) => one.close()))
    }
  })

  it('lose nothing when one is killed in the middle again and again, and its hints with it', {
    timeout: 90_000,
  }, async () => {
    const fleet = await makeFleet(platform, { devices: 200, sites: 50, units: 200, maxInFlight: 8 })
    const rollout = await makeRollout(fleet, { strategy: { maxInFlight: 25 } })
    const processes = [startProcess('engine-c'), startProcess('engine-d')]
    try {
      const [ended] = await playGateways(fleet, [rollout], {
        fails: () => false,
        meanwhile: async (round) => {
          if (round % 8 === 1) await processes[(round >> 3) % 2]?.kill()
          for (const { engine } of processes) engine.wake()
          // what a killed process was told is lost: the time to look again stands in the table. Rows that an engine is
          // writing are left to it: waited for in another order than the engine's, they would be a deadlock
          await sql`UPDATE rollout_device SET check_at = now() WHERE (rollout_id, device_id) IN (SELECT rollout_id, device_id
            FROM rollout_device WHERE state = 'IN_FLIGHT' FOR UPDATE SKIP LOCKED)`.execute(platform.db)
          return []
        },
      })
      expect(ended?.counters).toMatchObject({ total: 200, succeeded: 200 })
      const { counted, kept } = await recount(platform.db, rollout.rolloutId)
      expect(kept).toEqual(counted)
      expect(await unitsUsed(platform.db, fleet)).toEqual({ used: 200, held: 200 })
      const { rows } = await sql<{
        n: number
      }>`SELECT count(*)::int AS n FROM event WHERE account_id = ${fleet.account.accountId}
        AND type = 'installation.requested'`.execute(platform.db)
      expect(rows).toEqual([{ n: 200 }])
    } finally {
      await Promise.all(processes.map((one) => one.close()))
    }
  })
})

describe('an engine that starts', () => {
  it('sees at once what settled while nobody was told of it', { timeout: 60_000 }, async () => {
    const fleet = await makeFleet(platform, { devices: 6, sites: 2, units: 6, maxInFlight: 8 })
    const { rolloutId } = await makeRollout(fleet, {})
    const before = startProcess('engine-before')
    try {
      await expect.poll(() => inFlight(platform.db, rolloutId), { timeout: 10_000 }).toHaveLength(6)
    } finally {
      await before.close()
    }
    // the table's own time to look again is far away
    await sql`UPDATE rollout_device SET check_at = now() + interval '1 hour' WHERE rollout_id = ${rolloutId}`.execute(
      platform.db,
    )
    await finish(platform.db, fleet, await inFlight(platform.db, rolloutId))
    const after = startProcess('engine-after')
    try {
      const state = async () => (await get<Rollout>(platform, fleet.account, rolloutId)).state
      await expect.poll(state, { timeout: 10_000 }).toBe('COMPLETED')
    } finally {
      await after.close()
    }
  })
})
