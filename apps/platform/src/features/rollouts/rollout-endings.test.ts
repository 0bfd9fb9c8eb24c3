import type { RolloutDevicePage } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRolloutBench, type RolloutBench } from '../../../test/rollout-bench.ts'
import { failure, finish, get, inFlight, makeFleet, post, stepAll, unitsUsed } from '../../../test/rollout-fixture.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'
import type { Database } from '../../platform/database/database.ts'
import { sweepDeadlines } from '../installations/deadline-sweep.ts'

let bench: RolloutBench
let platform: TestPlatform
let db: Database
beforeAll(async () => {
  bench = await createRolloutBench()
  platform = bench.platform
  db = platform.db
})
afterAll(() => bench?.platform.close())

describe('a device of a rollout', () => {
  it('tries again by category of error, then fails and gives the unit back', async () => {
    const fleet = await makeFleet(platform, { devices: 3 })
    const strategy = { attempts: 2, retryOn: ['network' as const], backoffSeconds: 0 }
    const rollout = await bench.begin(fleet, { strategy })
    const [network, refused] = fleet.devices.map(({ deviceId }) => deviceId)
    await bench.run(fleet, rollout.rolloutId, (deviceId) => ({
      error: deviceId === network ? failure('network') : deviceId === refused ? failure('refused-by-device') : null,
    }))
    const { items } = await get<RolloutDevicePage>(platform, fleet.account, `${rollout.rolloutId}/devices`)
    expect(items.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['FAILED', 2],
      ['REJECTED', 1],
      ['SUCCEEDED', 1],
    ])
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({
      state: 'COMPLETED',
      counters: { failed: 1, rejected: 1, succeeded: 1 },
    })
    expect(await unitsUsed(db, fleet)).toEqual({ used: 1, held: 1 })
    const retried = await post(platform, fleet.account, { path: `/${rollout.rolloutId}/retry?state=FAILED` })
    expect(retried.body).toMatchObject({ state: 'RUNNING', counters: { pending: 1, rejected: 1, succeeded: 1 } })
    await bench.run(fleet, rollout.rolloutId)
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({
      state: 'COMPLETED',
      counters: { succeeded: 2, rejected: 1 },
    })
    expect(await unitsUsed(db, fleet)).toEqual({ used: 2, held: 2 })
  })

  it('aborts by rule, cancels what has not begun and counts what is in flight to its end', async () => {
    const fleet = await makeFleet(platform, { devices: 20 })
    const strategy = { maxInFlight: 5, abort: [{ on: 'REJECTED' as const, percent: 50, minDevices: 2 }] }
    const rollout = await bench.begin(fleet, { strategy })
    await stepAll(db, rollout.rolloutId)
    const wishes = await inFlight(db, rollout.rolloutId)
    const error = failure('incompatible', false)
    const settled = await finish(
      db,
      fleet,
      wishes.slice(0, 2).map((wish) => ({ ...wish, error })),
    )
    await stepAll(db, rollout.rolloutId, { settled })
    const aborted = await bench.view(fleet, rollout.rolloutId)
    expect(aborted).toMatchObject({
      state: 'ABORTED',
      reason: { code: 'abort-rule' },
      counters: { rejected: 2, inFlight: 3, cancelled: 15 },
    })
    await bench.run(fleet, rollout.rolloutId)
    expect((await bench.view(fleet, rollout.rolloutId)).counters).toMatchObject({
      total: 20,
      rejected: 2,
      succeeded: 3,
      cancelled: 15,
      inFlight: 0,
    })
    expect(await unitsUsed(db, fleet)).toEqual({ used: 3, held: 3 })
    const { rows } = await sql`SELECT 1 FROM rollout WHERE rollout_id = ${rollout.rolloutId} AND is_open`.execute(db)
    expect(rows).toEqual([])
  })

  it('leaves offline devices queued until they return or the deadline passes, skips or fails them, as asked', async () => {
    const fleet = await makeFleet(platform, { devices: 6 })
    const [away, later] = fleet.devices.map(({ deviceId }) => deviceId)
    await sql`UPDATE device SET connectivity = 'OFFLINE' WHERE device_id IN (${away}, ${later})`.execute(db)
    const rollout = await bench.begin(fleet, { strategy: { waves: [{ percent: 50 }, { percent: 100 }] } })
    await bench.run(fleet, rollout.rolloutId)
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({
      state: 'RUNNING',
      wave: 2,
      counters: { succeeded: 4, offline: 2 },
    })
    await sql`UPDATE device SET connectivity = 'ONLINE' WHERE device_id = ${later}`.execute(db)
    await sql`UPDATE rollout SET offline_checked_at = now() - interval '1 minute' WHERE rollout_id = ${rollout.rolloutId}`.execute(
      db,
    )
    await bench.run(fleet, rollout.rolloutId)
    expect((await bench.view(fleet, rollout.rolloutId)).counters).toMatchObject({ succeeded: 5, offline: 1 })
    await sql`UPDATE rollout SET deadline_at = now() WHERE rollout_id = ${rollout.rolloutId}`.execute(db)
    await stepAll(db, rollout.rolloutId)
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({
      state: 'COMPLETED',
      counters: { succeeded: 5, timedOut: 1 },
    })
    expect(await unitsUsed(db, fleet)).toEqual({ used: 5, held: 5 })

    for (const [whenOffline, counter] of [
      ['SKIP', 'skipped'],
      ['FAIL', 'failed'],
    ] as const) {
      const other = await bench.begin(fleet, {
        action: 'UPDATE',
        licenseType: null,
        whenOffline,
        devices: { deviceIds: [away ?? ''] },
      })
      await stepAll(db, other.rolloutId)
      // not installed there: refused before it is asked whether it is online
      expect((await bench.view(fleet, other.rolloutId)).counters).toMatchObject({ rejected: 1 })
      const install = await bench.begin(fleet, { whenOffline, devices: { deviceIds: [away ?? ''] } })
      await stepAll(db, install.rolloutId)
      expect((await bench.view(fleet, install.rolloutId)).counters).toMatchObject({ total: 1, [counter]: 1 })
    }
    expect(await unitsUsed(db, fleet)).toEqual({ used: 5, held: 5 })
  })

  it('ends overdue devices through the deadline of their installation', async () => {
    const fleet = await makeFleet(platform, { devices: 2 })
    const rollout = await bench.begin(fleet, { strategy: { deviceTimeoutSeconds: 60 } })
    await stepAll(db, rollout.rolloutId)
    const late = sql`UPDATE rollout_device SET check_at = now(), step = 'UPLOAD', deadline_at = now() WHERE rollout_id = ${rollout.rolloutId}`
    await late.execute(db)
    await stepAll(db, rollout.rolloutId)
    const settled: string[] = []
    await sweepDeadlines(db, Date.now, (pairs) => void settled.push(...pairs.map(({ deviceId }) => deviceId)))
    await stepAll(db, rollout.rolloutId, { settled })
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({ state: 'COMPLETED', counters: { timedOut: 2 } })
  })

  it('counts devices that go away, apps that are withdrawn and wishes that are replaced', async () => {
    const fleet = await makeFleet(platform, { devices: 5, sites: 1 })
    const ids = fleet.devices.map(({ deviceId }) => deviceId)
    const rollout = await bench.begin(fleet, {
      devices: { deviceIds: ids },
      strategy: { maxInFlight: 2 },
      version: '1.0.1',
    })
    await stepAll(db, rollout.rolloutId)
    expect((await inFlight(db, rollout.rolloutId)).map(({ deviceId }) => deviceId)).toEqual(ids.slice(0, 2))
    await sql`DELETE FROM device WHERE device_id = ANY(${[ids[0], ids[2]]}::text[])`.execute(db)
    await sql`UPDATE device_channel SET revision = revision + 1 WHERE device_id = ${ids[1]}`.execute(db)
    await sql`UPDATE installation SET revision = revision + 1, package_id = (SELECT package_id FROM app_package WHERE app_id = ${fleet.appId} AND version_code = 2)
      WHERE device_id = ${ids[1]}`.execute(db)
    await sql`UPDATE app_version SET withdrawn_at = now() WHERE app_id = ${fleet.appId} AND version_code = 1`.execute(
      db,
    )
    await sql`UPDATE rollout_device SET check_at = now() WHERE rollout_id = ${rollout.rolloutId} AND state = 'IN_FLIGHT'`.execute(
      db,
    )
    await stepAll(db, rollout.rolloutId)
    await stepAll(db, rollout.rolloutId)
    const { items } = await get<RolloutDevicePage>(platform, fleet.account, `${rollout.rolloutId}/devices`)
    expect(items.map(({ state, reason }) => [state, reason])).toEqual([
      ['CANCELLED', 'device-gone'],
      ['CANCELLED', 'superseded'],
      ['CANCELLED', 'device-gone'],
      ['REJECTED', 'version-withdrawn'],
      ['REJECTED', 'version-withdrawn'],
    ])
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({
      state: 'COMPLETED',
      counters: { total: 5, cancelled: 3, rejected: 2 },
    })
    // the replaced wish is still under way on its license; every other unit has come back
    expect(await unitsUsed(db, fleet)).toEqual({ used: 1, held: 1 })
  })
})
