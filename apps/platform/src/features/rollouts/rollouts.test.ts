import type { Preflight, Rollout, RolloutDeviceDetail, RolloutDevicePage } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  failure,
  finish,
  get,
  inFlight,
  installOf,
  makeFleet,
  post,
  recount,
  stepAll,
  type TestFleet,
  unitsUsed,
} from '../../../test/rollout-fixture.ts'
import { createTestPlatform, type TestPlatform } from '../../../test/test-platform.ts'
import { sweepDeadlines } from '../installations/deadline-sweep.ts'
import { rolloutRoutes } from './rollout-routes.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createTestPlatform(({ db, bearer }) =>
    rolloutRoutes({
      ...{ db, authenticate: bearer.authenticate, nowMs: Date.now, wakeRollouts: () => {} },
      closing: AbortSignal.timeout(600_000),
    }),
  )
})
afterAll(() => platform?.close())

async function roll(fleet: TestFleet, request: Parameters<typeof installOf>[1] = {}): Promise<Rollout> {
  const { status, body } = await post(platform, fleet.account, { body: installOf(fleet, request) })
  expect([status, body.detail]).toEqual([201, undefined])
  return body as Rollout
}

const view = (fleet: TestFleet, { rolloutId }: Rollout) => get<Rollout>(platform, fleet.account, rolloutId)

/** Steps, lets the gateways finish what is in flight, and steps again, until nothing is in flight. */
async function runToEnd(
  fleet: TestFleet,
  rollout: Rollout,
  outcome: (deviceId: string) => ReturnType<typeof failure> | null,
) {
  const { db } = platform
  await stepAll(db, rollout.rolloutId)
  for (let round = 0; round < 50; round++) {
    const wishes = await inFlight(db, rollout.rolloutId)
    if (wishes.length === 0) return
    const settled = await finish(
      db,
      fleet,
      wishes.map((wish) => ({ ...wish, error: outcome(wish.deviceId) })),
    )
    await stepAll(db, rollout.rolloutId, { settled })
  }
  throw new Error('The rollout never ends.')
}

describe('a rollout', () => {
  it('installs on every device, with exact counters, licenses and history', async () => {
    const fleet = await makeFleet(platform, { devices: 30, sites: 3, units: 40 })
    const rollout = await roll(fleet)
    expect(rollout).toMatchObject({ state: 'RUNNING', counters: { total: 30, pending: 30 } })
    expect(await unitsUsed(platform.db, fleet)).toEqual({ used: 30, held: 30 })
    await stepAll(platform.db, rollout.rolloutId)
    expect((await view(fleet, rollout)).counters).toMatchObject({ total: 30, inFlight: 30, pending: 0 })
    await runToEnd(fleet, rollout, () => null)
    const ended = await view(fleet, rollout)
    expect(ended).toMatchObject({ state: 'COMPLETED', counters: { total: 30, succeeded: 30, inFlight: 0 } })
    const { counted, kept } = await recount(platform.db, rollout.rolloutId)
    expect(kept).toEqual(counted)
    const deviceId = fleet.devices[0]?.deviceId ?? ''
    const detail = await get<RolloutDeviceDetail>(platform, fleet.account, `${rollout.rolloutId}/devices/${deviceId}`)
    expect(detail).toMatchObject({ state: 'SUCCEEDED', attempts: 1, wave: 1 })
    expect(detail.history.map(({ type, data }) => [type, data.to ?? null])).toEqual([
      ['installation.requested', null],
      ['rollout.device-changed', 'SUCCEEDED'],
    ])
  })

  it('says exactly how many units are missing, and then takes none', async () => {
    const fleet = await makeFleet(platform, { devices: 12, units: 5 })
    const { status, body } = await post(platform, fleet.account, { body: installOf(fleet) })
    expect([status, body.code]).toEqual([409, 'no-free-license'])
    expect(body.detail).toContain('12 devices need')
    expect(body.detail).toContain('7 are missing')
    expect(await unitsUsed(platform.db, fleet)).toEqual({ used: 0, held: 0 })
    const list = await platform.app.inject({ url: '/software/v1/rollouts', headers: fleet.account.headers })
    expect(list.json()).toEqual({ items: [], nextCursor: null })
  })

  it('goes wave by wave and stops at a wave below its share; resume lets it pass', async () => {
    const fleet = await makeFleet(platform, { devices: 20 })
    const waves = [{ percent: 10, minSuccessPercent: 100 }, { percent: 50, minSuccessPercent: 0 }, { percent: 100 }]
    const rollout = await roll(fleet, { strategy: { waves } })
    await stepAll(platform.db, rollout.rolloutId)
    expect((await view(fleet, rollout)).counters).toMatchObject({ inFlight: 2, pending: 18 })
    await runToEnd(fleet, rollout, () => failure('refused-by-device', false))
    const held = await view(fleet, rollout)
    expect(held).toMatchObject({
      state: 'PAUSED',
      wave: 1,
      reason: { code: 'wave-below-share' },
      counters: { rejected: 2, pending: 18 },
    })
    const resumed = await post(platform, fleet.account, { path: `/${rollout.rolloutId}/resume` })
    expect(resumed.body.state).toBe('RUNNING')
    await stepAll(platform.db, rollout.rolloutId)
    expect(await view(fleet, rollout)).toMatchObject({ wave: 2, counters: { inFlight: 8, pending: 10 } })
    await runToEnd(fleet, rollout, () => null)
    expect(await view(fleet, rollout)).toMatchObject({
      state: 'COMPLETED',
      wave: 3,
      counters: { succeeded: 18, rejected: 2 },
    })
  })

  it('waits the minutes of a wave before the next', async () => {
    const fleet = await makeFleet(platform, { devices: 4 })
    const waves = [{ count: 1, waitMinutes: 60 }, { percent: 100 }]
    const rollout = await roll(fleet, { strategy: { waves } })
    await runToEnd(fleet, rollout, () => null)
    expect(await view(fleet, rollout)).toMatchObject({
      state: 'RUNNING',
      wave: 1,
      counters: { succeeded: 1, pending: 3 },
    })
    await stepAll(platform.db, rollout.rolloutId, { nowMs: () => Date.now() + 61 * 60_000 })
    expect(await view(fleet, rollout)).toMatchObject({ wave: 2, counters: { inFlight: 3 } })
  })

  it('holds the limits: in flight overall, per site, and the budget of the site over all rollouts', async () => {
    const fleet = await makeFleet(platform, { devices: 40, sites: 4, maxInFlight: 3 })
    const half = (from: number) => fleet.devices.slice(from, from + 20).map(({ deviceId }) => deviceId)
    const first = await roll(fleet, {
      devices: { deviceIds: half(0) },
      strategy: { maxInFlight: 5, maxInFlightPerSite: 2 },
    })
    const second = await roll(fleet, { devices: { deviceIds: half(20) } })
    await stepAll(platform.db, first.rolloutId)
    await stepAll(platform.db, second.rolloutId)
    expect((await view(fleet, first)).counters.inFlight).toBe(5)
    expect((await view(fleet, second)).counters.inFlight).toBe(7)
    const { rows } = await sql<{
      n: number
    }>`SELECT count(*)::int AS n FROM rollout_device WHERE account_id = ${fleet.account.accountId}
      AND state = 'IN_FLIGHT' GROUP BY site_id`.execute(platform.db)
    expect(rows.map(({ n }) => n)).toEqual([3, 3, 3, 3])
  })

  it('admits by the minute when a rate is given', async () => {
    const fleet = await makeFleet(platform, { devices: 10 })
    const rollout = await roll(fleet, { strategy: { rate: { maximumPerMinute: 60 } } })
    await stepAll(platform.db, rollout.rolloutId)
    expect((await view(fleet, rollout)).counters.inFlight).toBeLessThanOrEqual(1)
    await sql`UPDATE rollout SET rate_at = now() - interval '10 minutes' WHERE rollout_id = ${rollout.rolloutId}`.execute(
      platform.db,
    )
    await stepAll(platform.db, rollout.rolloutId)
    expect((await view(fleet, rollout)).counters.inFlight).toBeLessThanOrEqual(3)
  })

  it('tries again by category of error, then fails and gives the unit back', async () => {
    const fleet = await makeFleet(platform, { devices: 3 })
    const strategy = { attempts: 2, retryOn: ['network' as const], backoffSeconds: 0 }
    const rollout = await roll(fleet, { strategy })
    const [network, refused] = fleet.devices.map(({ deviceId }) => deviceId)
    await runToEnd(fleet, rollout, (deviceId) =>
      deviceId === network ? failure('network') : deviceId === refused ? failure('refused-by-device') : null,
    )
    const { items } = await get<RolloutDevicePage>(platform, fleet.account, `${rollout.rolloutId}/devices`)
    expect(items.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['FAILED', 2],
      ['REJECTED', 1],
      ['SUCCEEDED', 1],
    ])
    expect(await view(fleet, rollout)).toMatchObject({
      state: 'COMPLETED',
      counters: { failed: 1, rejected: 1, succeeded: 1 },
    })
    expect(await unitsUsed(platform.db, fleet)).toEqual({ used: 1, held: 1 })
    const retried = await post(platform, fleet.account, { path: `/${rollout.rolloutId}/retry?state=FAILED` })
    expect(retried.body).toMatchObject({ state: 'RUNNING', counters: { pending: 1, rejected: 1, succeeded: 1 } })
    await runToEnd(fleet, rollout, () => null)
    expect(await view(fleet, rollout)).toMatchObject({ state: 'COMPLETED', counters: { succeeded: 2, rejected: 1 } })
    expect(await unitsUsed(platform.db, fleet)).toEqual({ used: 2, held: 2 })
  })

  it('aborts by rule, cancels what has not begun and counts what is in flight to its end', async () => {
    const fleet = await makeFleet(platform, { devices: 20 })
    const strategy = { maxInFlight: 5, abort: [{ on: 'REJECTED' as const, percent: 50, minDevices: 2 }] }
    const rollout = await roll(fleet, { strategy })
    await stepAll(platform.db, rollout.rolloutId)
    const wishes = await inFlight(platform.db, rollout.rolloutId)
    const error = failure('incompatible', false)
    const settled = await finish(
      platform.db,
      fleet,
      wishes.slice(0, 2).map((wish) => ({ ...wish, error })),
    )
    await stepAll(platform.db, rollout.rolloutId, { settled })
    const aborted = await view(fleet, rollout)
    expect(aborted).toMatchObject({
      state: 'ABORTED',
      reason: { code: 'abort-rule' },
      counters: { rejected: 2, inFlight: 3, cancelled: 15 },
    })
    await runToEnd(fleet, rollout, () => null)
    expect((await view(fleet, rollout)).counters).toMatchObject({
      total: 20,
      rejected: 2,
      succeeded: 3,
      cancelled: 15,
      inFlight: 0,
    })
    expect(await unitsUsed(platform.db, fleet)).toEqual({ used: 3, held: 3 })
    const { rows } = await sql`SELECT 1 FROM rollout WHERE rollout_id = ${rollout.rolloutId} AND is_open`.execute(
      platform.db,
    )
    expect(rows).toEqual([])
  })

  it('leaves offline devices queued until they return or the deadline passes, skips or fails them, as asked', async () => {
    const fleet = await makeFleet(platform, { devices: 6 })
    const [away, later] = fleet.devices.map(({ deviceId }) => deviceId)
    await sql`UPDATE device SET connectivity = 'OFFLINE' WHERE device_id IN (${away}, ${later})`.execute(platform.db)
    const rollout = await roll(fleet, { strategy: { waves: [{ percent: 50 }, { percent: 100 }] } })
    await runToEnd(fleet, rollout, () => null)
    expect(await view(fleet, rollout)).toMatchObject({
      state: 'RUNNING',
      wave: 2,
      counters: { succeeded: 4, offline: 2 },
    })
    await sql`UPDATE device SET connectivity = 'ONLINE' WHERE device_id = ${later}`.execute(platform.db)
    await sql`UPDATE rollout SET offline_checked_at = now() - interval '1 minute' WHERE rollout_id = ${rollout.rolloutId}`.execute(
      platform.db,
    )
    await runToEnd(fleet, rollout, () => null)
    expect((await view(fleet, rollout)).counters).toMatchObject({ succeeded: 5, offline: 1 })
    await sql`UPDATE rollout SET deadline_at = now() WHERE rollout_id = ${rollout.rolloutId}`.execute(platform.db)
    await stepAll(platform.db, rollout.rolloutId)
    expect(await view(fleet, rollout)).toMatchObject({ state: 'COMPLETED', counters: { succeeded: 5, timedOut: 1 } })
    expect(await unitsUsed(platform.db, fleet)).toEqual({ used: 5, held: 5 })

    for (const [whenOffline, counter] of [
      ['SKIP', 'skipped'],
      ['FAIL', 'failed'],
    ] as const) {
      const other = await roll(fleet, {
        action: 'UPDATE',
        licenseType: null,
        whenOffline,
        devices: { deviceIds: [away ?? ''] },
      })
      await stepAll(platform.db, other.rolloutId)
      // not installed there: refused before it is asked whether it is online
      expect((await view(fleet, other)).counters).toMatchObject({ rejected: 1 })
      const install = await roll(fleet, { whenOffline, devices: { deviceIds: [away ?? ''] } })
      await stepAll(platform.db, install.rolloutId)
      expect((await view(fleet, install)).counters).toMatchObject({ total: 1, [counter]: 1 })
    }
    expect(await unitsUsed(platform.db, fleet)).toEqual({ used: 5, held: 5 })
  })

  it('waits outside of the window of each site, by its own clock', async () => {
    const fleet = await makeFleet(platform, { devices: 4, sites: 2 })
    await sql`UPDATE site SET time_zone = 'Asia/Tokyo' WHERE site_id = ${fleet.siteIds[0]}`.execute(platform.db)
    const rollout = await roll(fleet, { schedule: { window: { from: '22:00', to: '05:00' } } })
    // 2026-07-06 15:00 UTC is midnight in Tokyo
    await stepAll(platform.db, rollout.rolloutId, { nowMs: () => Date.parse('2026-07-06T15:00:00Z') })
    const flying = await inFlight(platform.db, rollout.rolloutId)
    const tokyo = fleet.devices.filter(({ siteId }) => siteId === fleet.siteIds[0]).map(({ deviceId }) => deviceId)
    expect(flying.map(({ deviceId }) => deviceId)).toEqual(tokyo)
    await stepAll(platform.db, rollout.rolloutId, { nowMs: () => Date.parse('2026-07-06T23:00:00Z') })
    expect((await view(fleet, rollout)).counters.inFlight).toBe(4)
  })

  it('begins only when a second person has approved it and its time has come', async () => {
    const fleet = await makeFleet(platform, { devices: 2 })
    const startAt = new Date(Date.now() + 3_600_000).toISOString()
    const rollout = await roll(fleet, { requireApproval: true, schedule: { startAt } })
    expect(rollout.state).toBe('AWAITING_APPROVAL')
    const own = await post(platform, fleet.account, { path: `/${rollout.rolloutId}/approve` })
    expect([own.status, own.body.code]).toEqual([409, 'state-conflict'])
    const second = await platform.account({ accountId: fleet.account.accountId })
    const approved = await post(platform, second, { path: `/${rollout.rolloutId}/approve` })
    expect(approved.body).toMatchObject({ state: 'SCHEDULED', approvedBy: { kind: 'user', id: second.userId } })
    await stepAll(platform.db, rollout.rolloutId)
    expect((await view(fleet, rollout)).counters.pending).toBe(2)
    await sql`UPDATE rollout SET start_at = now() WHERE rollout_id = ${rollout.rolloutId}`.execute(platform.db)
    await stepAll(platform.db, rollout.rolloutId)
    expect(await view(fleet, rollout)).toMatchObject({ state: 'RUNNING', counters: { inFlight: 2 } })
  })

  it('pauses, resumes and aborts; what is in flight comes to its end', async () => {
    const fleet = await makeFleet(platform, { devices: 6 })
    const rollout = await roll(fleet, { strategy: { maxInFlight: 2 } })
    await stepAll(platform.db, rollout.rolloutId)
    const act = (name: string) => post(platform, fleet.account, { path: `/${rollout.rolloutId}/${name}` })
    expect((await act('pause')).body.state).toBe('PAUSED')
    await runToEnd(fleet, rollout, () => null)
    expect(await view(fleet, rollout)).toMatchObject({ state: 'PAUSED', counters: { succeeded: 2, pending: 4 } })
    expect((await act('resume')).body.state).toBe('RUNNING')
    await stepAll(platform.db, rollout.rolloutId)
    expect((await act('abort')).body.state).toBe('ABORTED')
    expect((await act('abort')).status).toBe(200)
    expect((await act('resume')).status).toBe(409)
    await stepAll(platform.db, rollout.rolloutId)
    expect((await view(fleet, rollout)).counters).toMatchObject({ succeeded: 2, inFlight: 2, cancelled: 2 })
  })

  it('takes in devices that match later, with a unit each, until it is closed', async () => {
    const fleet = await makeFleet(platform, { devices: 3, units: 4 })
    await sql`UPDATE device SET tags = '{roof}' WHERE device_id = ${fleet.devices[0]?.deviceId}`.execute(platform.db)
    const rollout = await roll(fleet, { devices: { filter: { tag: 'roof' }, keepOpen: true } })
    await runToEnd(fleet, rollout, () => null)
    expect(await view(fleet, rollout)).toMatchObject({ state: 'RUNNING', counters: { total: 1, succeeded: 1 } })
    await sql`UPDATE device SET tags = '{roof}' WHERE account_id = ${fleet.account.accountId}`.execute(platform.db)
    await sql`UPDATE rollout SET joined_at = now() - interval '1 hour' WHERE rollout_id = ${rollout.rolloutId}`.execute(
      platform.db,
    )
    await runToEnd(fleet, rollout, () => null)
    expect(await view(fleet, rollout)).toMatchObject({ state: 'RUNNING', counters: { total: 3, succeeded: 3 } })
    const closed = await post(platform, fleet.account, { path: `/${rollout.rolloutId}/close` })
    expect(closed.body.devices.keepOpen).toBe(false)
    await stepAll(platform.db, rollout.rolloutId)
    expect(await view(fleet, rollout)).toMatchObject({ state: 'COMPLETED' })
  })

  it('never has a device in flight twice: the second rollout waits for the first', async () => {
    const fleet = await makeFleet(platform, { devices: 3 })
    const first = await roll(fleet)
    const second = await roll(fleet, { action: 'START', licenseType: null })
    await stepAll(platform.db, first.rolloutId)
    await stepAll(platform.db, second.rolloutId)
    expect((await view(fleet, second)).counters).toMatchObject({ pending: 3, inFlight: 0 })
    await runToEnd(fleet, first, () => null)
    await sql`UPDATE rollout_device SET due_at = now() WHERE rollout_id = ${second.rolloutId}`.execute(platform.db)
    await stepAll(platform.db, second.rolloutId)
    expect((await view(fleet, second)).counters).toMatchObject({ inFlight: 3 })
  })

  it('ends overdue devices through the deadline of their installation', async () => {
    const fleet = await makeFleet(platform, { devices: 2 })
    const rollout = await roll(fleet, { strategy: { deviceTimeoutSeconds: 60 } })
    await stepAll(platform.db, rollout.rolloutId)
    const late = sql`UPDATE rollout_device SET check_at = now(), step = 'UPLOAD', deadline_at = now() WHERE rollout_id = ${rollout.rolloutId}`
    await late.execute(platform.db)
    await stepAll(platform.db, rollout.rolloutId)
    const settled: string[] = []
    await sweepDeadlines(platform.db, Date.now, (pairs) => void settled.push(...pairs.map(({ deviceId }) => deviceId)))
    await stepAll(platform.db, rollout.rolloutId, { settled })
    expect(await view(fleet, rollout)).toMatchObject({ state: 'COMPLETED', counters: { timedOut: 2 } })
  })

  it('counts devices that go away, apps that are withdrawn and wishes that are replaced', async () => {
    const fleet = await makeFleet(platform, { devices: 5, sites: 1 })
    const ids = fleet.devices.map(({ deviceId }) => deviceId)
    const rollout = await roll(fleet, { devices: { deviceIds: ids }, strategy: { maxInFlight: 2 }, version: '1.0.1' })
    await stepAll(platform.db, rollout.rolloutId)
    expect((await inFlight(platform.db, rollout.rolloutId)).map(({ deviceId }) => deviceId)).toEqual(ids.slice(0, 2))
    await sql`DELETE FROM device WHERE device_id = ANY(${[ids[0], ids[2]]}::text[])`.execute(platform.db)
    await sql`UPDATE device_channel SET revision = revision + 1 WHERE device_id = ${ids[1]}`.execute(platform.db)
    await sql`UPDATE installation SET revision = revision + 1, package_id = (SELECT package_id FROM app_package WHERE app_id = ${fleet.appId} AND version_code = 2)
      WHERE device_id = ${ids[1]}`.execute(platform.db)
    await sql`UPDATE app_version SET withdrawn_at = now() WHERE app_id = ${fleet.appId} AND version_code = 1`.execute(
      platform.db,
    )
    await sql`UPDATE rollout_device SET check_at = now() WHERE rollout_id = ${rollout.rolloutId} AND state = 'IN_FLIGHT'`.execute(
      platform.db,
    )
    await stepAll(platform.db, rollout.rolloutId)
    await stepAll(platform.db, rollout.rolloutId)
    const { items } = await get<RolloutDevicePage>(platform, fleet.account, `${rollout.rolloutId}/devices`)
    expect(items.map(({ state, reason }) => [state, reason])).toEqual([
      ['CANCELLED', 'device-gone'],
      ['CANCELLED', 'superseded'],
      ['CANCELLED', 'device-gone'],
      ['REJECTED', 'version-withdrawn'],
      ['REJECTED', 'version-withdrawn'],
    ])
    expect(await view(fleet, rollout)).toMatchObject({
      state: 'COMPLETED',
      counters: { total: 5, cancelled: 3, rejected: 2 },
    })
    // the replaced wish is still under way on its license; every other unit has come back
    expect(await unitsUsed(platform.db, fleet)).toEqual({ used: 1, held: 1 })
  })

  it('gives every wave the version that was newest when it was made', async () => {
    const fleet = await makeFleet(platform, { devices: 2 })
    const rollout = await roll(fleet)
    await sql`INSERT INTO app_version (app_id, version_code, version) VALUES (${fleet.appId}, 3, '1.0.3')`.execute(
      platform.db,
    )
    await sql`INSERT INTO app_package (app_id, version_code, format, size, sha256) VALUES (${fleet.appId}, 3, 'apk', 10, 'x')`.execute(
      platform.db,
    )
    await stepAll(platform.db, rollout.rolloutId)
    const { rows } =
      await sql`SELECT DISTINCT p.version_code::int AS code FROM installation i JOIN app_package p USING (package_id)
      WHERE i.account_id = ${fleet.account.accountId}`.execute(platform.db)
    expect(rows).toEqual([{ code: 2 }])
  })
})

describe('a dry run', () => {
  it('tells who refuses an unsigned package, and who may', async () => {
    const fleet = await makeFleet(platform, { devices: 3 })
    const [strict, silent] = fleet.devices.map(({ deviceId }) => deviceId)
    await sql`UPDATE app_package SET is_signed = false WHERE app_id = ${fleet.appId}`.execute(platform.db)
    await sql`UPDATE device SET driver = 'vapix', firmware_version = '12.2.1' WHERE account_id = ${fleet.account.accountId}`.execute(
      platform.db,
    )
    await sql`UPDATE device SET unsigned_apps = device_id <> ${strict} WHERE device_id <> ${silent} AND account_id = ${fleet.account.accountId}`.execute(
      platform.db,
    )
    const { body } = await post(platform, fleet.account, { body: installOf(fleet, { dryRun: true }) })
    expect((body as Preflight).groups.map(({ verdict, reason, deviceIds }) => [verdict, reason, deviceIds])).toEqual([
      ['YES', 'ready', [fleet.devices[2]?.deviceId]],
      ['NO', 'signature-policy', [strict]],
      ['RISK', 'signature-policy', [silent]],
    ])
  })

  it('says for every device yes or no and why, and changes nothing', async () => {
    const fleet = await makeFleet(platform, { devices: 7, units: 2 })
    const ids = fleet.devices.map(({ deviceId }) => deviceId)
    const set = (deviceId: string | undefined, change: ReturnType<typeof sql>) =>
      sql`UPDATE device SET ${change} WHERE device_id = ${deviceId}`.execute(platform.db)
    await sql`UPDATE app_package SET architectures = '{arm64-v8a}', min_platform_level = 29 WHERE app_id = ${fleet.appId}`.execute(
      platform.db,
    )
    await set(ids[0], sql`architecture = 'armv7hf'`)
    await set(ids[1], sql`platform_level = 21`)
    await set(ids[2], sql`app_formats = '{eap}'`)
    await set(ids[3], sql`connectivity = 'OFFLINE', connectivity_reason = 'unreachable'`)
    await sql`INSERT INTO device (account_id, device_id, state) VALUES (${fleet.account.accountId}, 'unclaimed-1', 'UNCLAIMED')`.execute(
      platform.db,
    )
    const { status, body } = await post(platform, fleet.account, { body: installOf(fleet, { dryRun: true }) })
    expect(status).toBe(200)
    const preflight = body as Preflight
    expect(preflight.groups.map(({ verdict, reason, deviceIds }) => [verdict, reason, deviceIds])).toEqual([
      ['YES', 'ready', ids.slice(4)],
      ['NO', 'architecture', [ids[0]]],
      ['LATER', 'device-offline', [ids[3]]],
      ['NO', 'device-unclaimed', ['unclaimed-1']],
      ['NO', 'package-format', [ids[2]]],
      ['NO', 'platform-level', [ids[1]]],
    ])
    expect(preflight).toMatchObject({ total: 8, ready: 3, units: { needed: 4, free: 2, missing: 2 } })
    expect(await unitsUsed(platform.db, fleet)).toEqual({ used: 0, held: 0 })
  })
})
