import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRolloutBench, type RolloutBench } from '../../../test/rollout-bench.ts'
import { failure, inFlight, makeFleet, post, stepAll } from '../../../test/rollout-fixture.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'
import type { Database } from '../../platform/database/database.ts'

let bench: RolloutBench
let platform: TestPlatform
let db: Database
beforeAll(async () => {
  bench = await createRolloutBench()
  platform = bench.platform
  db = platform.db
})
afterAll(() => bench?.platform.close())

describe('the pace of a rollout', () => {
  it('goes wave by wave and stops at a wave below its share; resume lets it pass', async () => {
    const fleet = await makeFleet(platform, { devices: 20 })
    const waves = [{ percent: 10, minSuccessPercent: 100 }, { percent: 50, minSuccessPercent: 0 }, { percent: 100 }]
    const rollout = await bench.begin(fleet, { strategy: { waves } })
    await stepAll(db, rollout.rolloutId)
    expect((await bench.view(fleet, rollout.rolloutId)).counters).toMatchObject({ inFlight: 2, pending: 18 })
    await bench.run(fleet, rollout.rolloutId, () => ({ error: failure('refused-by-device', false) }))
    const held = await bench.view(fleet, rollout.rolloutId)
    expect(held).toMatchObject({
      state: 'PAUSED',
      wave: 1,
      reason: { code: 'wave-below-share' },
      counters: { rejected: 2, pending: 18 },
    })
    const resumed = await post(platform, fleet.account, { path: `/${rollout.rolloutId}/resume` })
    expect(resumed.body.state).toBe('RUNNING')
    await stepAll(db, rollout.rolloutId)
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({
      wave: 2,
      counters: { inFlight: 8, pending: 10 },
    })
    await bench.run(fleet, rollout.rolloutId)
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({
      state: 'COMPLETED',
      wave: 3,
      counters: { succeeded: 18, rejected: 2 },
    })
  })

  it('waits the minutes of a wave before the next', async () => {
    const fleet = await makeFleet(platform, { devices: 4 })
    const waves = [{ count: 1, waitMinutes: 60 }, { percent: 100 }]
    const rollout = await bench.begin(fleet, { strategy: { waves } })
    await bench.run(fleet, rollout.rolloutId)
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({
      state: 'RUNNING',
      wave: 1,
      counters: { succeeded: 1, pending: 3 },
    })
    await stepAll(db, rollout.rolloutId, { nowMs: () => Date.now() + 61 * 60_000 })
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({ wave: 2, counters: { inFlight: 3 } })
  })

  it('gives every wave the version that was newest when it was made', async () => {
    const fleet = await makeFleet(platform, { devices: 2 })
    const rollout = await bench.begin(fleet)
    await sql`INSERT INTO app_version (app_id, version_code, version) VALUES (${fleet.appId}, 3, '1.0.3')`.execute(db)
    await sql`INSERT INTO app_package (app_id, version_code, format, size, sha256) VALUES (${fleet.appId}, 3, 'apk', 10, 'x')`.execute(
      db,
    )
    await stepAll(db, rollout.rolloutId)
    const { rows } =
      await sql`SELECT DISTINCT p.version_code::int AS code FROM installation i JOIN app_package p USING (package_id)
      WHERE i.account_id = ${fleet.account.accountId}`.execute(db)
    expect(rows).toEqual([{ code: 2 }])
  })

  it('holds the limits: in flight overall, per site, and the budget of the site over all rollouts', async () => {
    const fleet = await makeFleet(platform, { devices: 40, sites: 4, maxInFlight: 3 })
    const half = (from: number) => fleet.devices.slice(from, from + 20).map(({ deviceId }) => deviceId)
    const first = await bench.begin(fleet, {
      devices: { deviceIds: half(0) },
      strategy: { maxInFlight: 5, maxInFlightPerSite: 2 },
    })
    const second = await bench.begin(fleet, { devices: { deviceIds: half(20) } })
    await stepAll(db, first.rolloutId)
    await stepAll(db, second.rolloutId)
    expect((await bench.view(fleet, first.rolloutId)).counters.inFlight).toBe(5)
    expect((await bench.view(fleet, second.rolloutId)).counters.inFlight).toBe(7)
    const { rows } = await sql<{
      n: number
    }>`SELECT count(*)::int AS n FROM rollout_device WHERE account_id = ${fleet.account.accountId}
      AND state = 'IN_FLIGHT' GROUP BY site_id`.execute(db)
    expect(rows.map(({ n }) => n)).toEqual([3, 3, 3, 3])
  })

  it('admits by the minute when a rate is given', async () => {
    const fleet = await makeFleet(platform, { devices: 10 })
    const rollout = await bench.begin(fleet, { strategy: { rate: { maximumPerMinute: 60 } } })
    await stepAll(db, rollout.rolloutId)
    expect((await bench.view(fleet, rollout.rolloutId)).counters.inFlight).toBeLessThanOrEqual(1)
    await sql`UPDATE rollout SET rate_at = now() - interval '10 minutes' WHERE rollout_id = ${rollout.rolloutId}`.execute(
      db,
    )
    await stepAll(db, rollout.rolloutId)
    expect((await bench.view(fleet, rollout.rolloutId)).counters.inFlight).toBeLessThanOrEqual(3)
  })

  it('never has a device in flight twice: the second rollout waits for the first', async () => {
    const fleet = await makeFleet(platform, { devices: 3 })
    const first = await bench.begin(fleet)
    const second = await bench.begin(fleet, { action: 'START', licenseType: null })
    await stepAll(db, first.rolloutId)
    await stepAll(db, second.rolloutId)
    expect((await bench.view(fleet, second.rolloutId)).counters).toMatchObject({ pending: 3, inFlight: 0 })
    await bench.run(fleet, first.rolloutId)
    await sql`UPDATE rollout_device SET due_at = now() WHERE rollout_id = ${second.rolloutId}`.execute(db)
    await stepAll(db, second.rolloutId)
    expect((await bench.view(fleet, second.rolloutId)).counters).toMatchObject({ inFlight: 3 })
  })

  it('waits outside of the window of each site, by its own clock', async () => {
    const fleet = await makeFleet(platform, { devices: 4, sites: 2 })
    await sql`UPDATE site SET time_zone = 'Asia/Tokyo' WHERE site_id = ${fleet.siteIds[0]}`.execute(db)
    const rollout = await bench.begin(fleet, { schedule: { window: { from: '22:00', to: '05:00' } } })
    // 2026-07-06 15:00 UTC is midnight in Tokyo
    await stepAll(db, rollout.rolloutId, { nowMs: () => Date.parse('2026-07-06T15:00:00Z') })
    const flying = await inFlight(db, rollout.rolloutId)
    const tokyo = fleet.devices.filter(({ siteId }) => siteId === fleet.siteIds[0]).map(({ deviceId }) => deviceId)
    expect(flying.map(({ deviceId }) => deviceId)).toEqual(tokyo)
    await stepAll(db, rollout.rolloutId, { nowMs: () => Date.parse('2026-07-06T23:00:00Z') })
    expect((await bench.view(fleet, rollout.rolloutId)).counters.inFlight).toBe(4)
  })
})
