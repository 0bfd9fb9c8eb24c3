import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRollbackBench, type RollbackBench } from '../../../test/rollback-fixture.ts'
import {
  failure,
  finish,
  inFlight,
  post,
  recount,
  stepAll,
  type TestFleet,
  unitsUsed,
} from '../../../test/rollout-fixture.ts'

let bench: RollbackBench
beforeAll(async () => {
  bench = await createRollbackBench()
})
afterAll(() => bench?.platform.close())

const refused = failure('refused-by-device', false)
const indexOf = (fleet: TestFleet, deviceId: string) => fleet.devices.findIndex((one) => one.deviceId === deviceId)

describe('an update that an abort rule ends', () => {
  it('is set back by a rollout of its own, with exact counters and units', async () => {
    const fleet = await bench.fleetOnOlder(8)
    const rollout = await bench.roll(fleet, {
      abort: [{ on: 'ALL', count: 2 }],
      maxInFlight: 4,
      waves: [{ percent: 100 }],
    })
    await stepAll(bench.platform.db, rollout.rolloutId)
    const first = await inFlight(bench.platform.db, rollout.rolloutId)
    expect(first).toHaveLength(4)
    const told = first.map((wish, n) => (n < 2 ? wish : { ...wish, error: refused, version: '1.0.1', present: true }))
    await stepAll(bench.platform.db, rollout.rolloutId, { settled: await finish(bench.platform.db, fleet, told) })
    const ended = await bench.view(fleet, rollout.rolloutId)
    expect(ended).toMatchObject({
      ...{ state: 'ABORTED', reason: { code: 'abort-rule' }, rollbackOf: null },
      counters: { total: 8, succeeded: 2, rejected: 2, cancelled: 4 },
    })
    const rolledBackBy = ended.rolledBackBy ?? ''
    expect(await bench.view(fleet, rolledBackBy)).toMatchObject({
      ...{ name: 'Rollback of To 1.0.2', action: 'UPDATE', state: 'RUNNING', rollbackOf: rollout.rolloutId },
      counters: { total: 4, pending: 4 },
      strategy: { maxInFlight: 4, acceptDataLoss: true },
    })
    expect(await bench.versions(fleet)).toEqual({ '1.0.1': 6, '1.0.2': 2 })
    await bench.run(fleet, rolledBackBy, () => ({ version: '1.0.1' }))
    expect(await bench.view(fleet, rolledBackBy)).toMatchObject({
      ...{ state: 'COMPLETED', counters: { total: 4, succeeded: 2, alreadyDone: 2 } },
    })
    const { counted, kept } = await recount(bench.platform.db, rolledBackBy)
    expect(kept).toEqual(counted)
    expect(await bench.versions(fleet)).toEqual({ '1.0.1': 8 })
    expect(await unitsUsed(bench.platform.db, fleet)).toEqual({ used: 8, held: 8 })
    const [device] = await bench.devicesOf(fleet, rolledBackBy)
    expect(device).toMatchObject({ fromVersion: '1.0.2', toVersion: '1.0.1' })
  })

  it('takes along what is still in flight, which has its turn when it has ended', async () => {
    const fleet = await bench.fleetOnOlder(3)
    const rollout = await bench.roll(fleet, { abort: [{ on: 'ALL', count: 1 }] })
    await stepAll(bench.platform.db, rollout.rolloutId)
    const [bad, ...others] = await inFlight(bench.platform.db, rollout.rolloutId)
    if (!bad) throw new Error('Nothing is in flight.')
    const failed = [{ ...bad, error: refused, version: '1.0.1', present: true }]
    await stepAll(bench.platform.db, rollout.rolloutId, { settled: await finish(bench.platform.db, fleet, failed) })
    const rollbackId = (await bench.view(fleet, rollout.rolloutId)).rolledBackBy ?? ''
    await stepAll(bench.platform.db, rollbackId)
    expect((await bench.view(fleet, rollbackId)).counters).toMatchObject({
      total: 3,
      pending: 2,
      alreadyDone: 1,
      inFlight: 0,
    })
    await stepAll(bench.platform.db, rollout.rolloutId, { settled: await finish(bench.platform.db, fleet, others) })
    expect((await bench.view(fleet, rollout.rolloutId)).counters).toMatchObject({
      succeeded: 2,
      rejected: 1,
      inFlight: 0,
    })
    await sql`UPDATE rollout_device SET due_at = now() WHERE rollout_id = ${rollbackId}`.execute(bench.platform.db)
    await bench.run(fleet, rollbackId, () => ({ version: '1.0.1' }))
    expect(await bench.view(fleet, rollbackId)).toMatchObject({
      state: 'COMPLETED',
      counters: { succeeded: 2, alreadyDone: 1 },
    })
    expect(await bench.versions(fleet)).toEqual({ '1.0.1': 3 })
  })

  it('sends each device its own version with the permission to go below', async () => {
    const fleet = await bench.fleetOnOlder(2)
    const rollout = await bench.roll(fleet, { abort: [{ on: 'ALL', count: 1 }] })
    await bench.run(fleet, rollout.rolloutId, (id) =>
      indexOf(fleet, id) === 0 ? {} : { error: refused, present: true },
    )
    const rollbackId = (await bench.view(fleet, rollout.rolloutId)).rolledBackBy ?? ''
    await stepAll(bench.platform.db, rollbackId)
    const { rows } = await sql<{ allow_downgrade: boolean; version_code: number; state: string }>`
      SELECT i.allow_downgrade, p.version_code, i.installation_state AS state FROM installation i
      JOIN app_package p ON p.package_id = i.package_id
      WHERE i.account_id = ${fleet.account.accountId} AND NOT i.settled`.execute(bench.platform.db)
    expect(rows).toEqual(Array(2).fill({ allow_downgrade: true, version_code: 1, state: 'UPDATING' }))
  })

  it('tries again a device whose app was removed for it, and keeps its unit when that fails too', async () => {
    const fleet = await bench.fleetOnOlder(1)
    const rollout = await bench.roll(fleet, { abort: [{ on: 'ALL', count: 1 }], attempts: 2, backoffSeconds: 0 })
    await bench.run(fleet, rollout.rolloutId, () => ({ error: refused, present: true }))
    const rollbackId = (await bench.view(fleet, rollout.rolloutId)).rolledBackBy ?? ''
    let tries = 0
    await bench.run(fleet, rollbackId, () => {
      tries += 1
      return { error: failure('network'), present: false }
    })
    expect(tries).toBe(2)
    expect(await bench.view(fleet, rollbackId)).toMatchObject({ state: 'COMPLETED', counters: { failed: 1 } })
    expect(await unitsUsed(bench.platform.db, fleet)).toEqual({ used: 1, held: 1 })
    await post(bench.platform, fleet.account, { path: `/${rollbackId}/retry` })
    await bench.run(fleet, rollbackId, () => ({ version: '1.0.1' }))
    expect(await bench.view(fleet, rollbackId)).toMatchObject({ state: 'COMPLETED', counters: { succeeded: 1 } })
    expect([await bench.versions(fleet), await unitsUsed(bench.platform.db, fleet)]).toEqual([
      { '1.0.1': 1 },
      { used: 1, held: 1 },
    ])
  })

  it('leaves alone what somebody has wished since, and what is only known to lose data now', async () => {
    const fleet = await bench.fleetOnOlder(3, 'IN_PLACE')
    const [wished, strict, removed] = fleet.devices.map(({ deviceId }) => deviceId)
    const rollout = await bench.roll(fleet, { abort: [{ on: 'ALL', count: 3 }], acceptDataLoss: false })
    await bench.run(fleet, rollout.rolloutId, () => ({}))
    const { accountId } = fleet.account
    await sql`INSERT INTO app_version (app_id, version_code, version) VALUES (${fleet.appId}, 3, '1.0.3')`.execute(
      bench.platform.db,
    )
    await sql`WITH p AS (INSERT INTO app_package (app_id, version_code, format, size, sha256)
        VALUES (${fleet.appId}, 3, 'apk', 10, ${`${fleet.appId}3`}) RETURNING package_id)
      UPDATE installation SET package_id = p.package_id FROM p WHERE account_id = ${accountId} AND device_id = ${wished}`.execute(
      bench.platform.db,
    )
    await sql`UPDATE device SET app_downgrade = 'REINSTALL' WHERE account_id = ${accountId} AND device_id = ${strict}`.execute(
      bench.platform.db,
    )
    await sql`UPDATE installation SET presence = NULL, package_id = NULL, managed = false, present = false, installed_version = NULL,
      installed_version_code = NULL WHERE account_id = ${accountId} AND device_id = ${removed}`.execute(
      bench.platform.db,
    )
    const answer = await post(bench.platform, fleet.account, { path: `/${rollout.rolloutId}/rollback` })
    const rollbackId = answer.body.rolledBackBy
    await stepAll(bench.platform.db, rollbackId)
    expect(await bench.view(fleet, rollbackId)).toMatchObject({
      state: 'COMPLETED',
      counters: { cancelled: 2, rejected: 1 },
    })
    const reasons = (await bench.devicesOf(fleet, rollbackId)).map(({ deviceId, reason }) => [deviceId, reason])
    expect(Object.fromEntries(reasons)).toEqual({
      [wished ?? '']: 'superseded',
      [strict ?? '']: 'rollback-loses-data',
      [removed ?? '']: 'superseded',
    })
  })

  it('remembers what a device had before the first of several attempts', async () => {
    const fleet = await bench.fleetOnOlder(1)
    const rollout = await bench.roll(fleet, { attempts: 2, backoffSeconds: 0 })
    let tries = 0
    await bench.run(fleet, rollout.rolloutId, () => {
      tries += 1
      // the camera loses the app with the first one
      return tries === 1 ? { error: failure('network'), present: false } : {}
    })
    expect((await bench.devicesOf(fleet, rollout.rolloutId))[0]).toMatchObject({
      ...{ state: 'SUCCEEDED', attempts: 2, fromVersion: '1.0.1', toVersion: '1.0.2' },
    })
    const { body } = await post(bench.platform, fleet.account, { path: `/${rollout.rolloutId}/rollback` })
    await bench.run(fleet, body.rolledBackBy, () => ({ version: '1.0.1' }))
    expect(await bench.versions(fleet)).toEqual({ '1.0.1': 1 })
  })

  it('is set back once, though several processes see the rule hold and a person says it too', async () => {
    const { db } = bench.platform
    const fleet = await bench.fleetOnOlder(4)
    const rollout = await bench.roll(fleet, { abort: [{ on: 'ALL', count: 2 }] })
    const { rolloutId } = rollout
    await stepAll(db, rolloutId)
    const wishes = await inFlight(db, rolloutId)
    const settled = await finish(
      db,
      fleet,
      wishes.map((wish) => ({ ...wish, error: refused, version: '1.0.1', present: true })),
    )
    await Promise.all([
      ...Array.from({ length: 6 }, () => stepAll(db, rolloutId, { settled })),
      ...Array.from({ length: 3 }, () => post(bench.platform, fleet.account, { path: `/${rolloutId}/rollback` })),
    ])
    await stepAll(db, rolloutId, { settled })
    const { rows } = await sql`SELECT 1 FROM rollout WHERE rollback_of = ${rolloutId}`.execute(db)
    expect(rows).toHaveLength(1)
    const ended = await bench.view(fleet, rolloutId)
    expect(ended).toMatchObject({ state: 'ABORTED', counters: { total: 4, rejected: 4 } })
    await bench.run(fleet, ended.rolledBackBy ?? '', () => ({ version: '1.0.1' }))
    expect((await bench.view(fleet, ended.rolledBackBy ?? '')).counters).toMatchObject({ total: 4, alreadyDone: 4 })
  })

  it('says that the version before was withdrawn meanwhile', async () => {
    const fleet = await bench.fleetOnOlder(1)
    const rollout = await bench.roll(fleet, { abort: [{ on: 'ALL', count: 1 }] })
    await sql`UPDATE app_version SET withdrawn_at = now() WHERE app_id = ${fleet.appId} AND version_code = 1`.execute(
      bench.platform.db,
    )
    await bench.run(fleet, rollout.rolloutId, () => ({ error: refused, present: true }))
    const rollbackId = (await bench.view(fleet, rollout.rolloutId)).rolledBackBy ?? ''
    await stepAll(bench.platform.db, rollbackId)
    expect((await bench.devicesOf(fleet, rollbackId))[0]).toMatchObject({
      state: 'REJECTED',
      reason: 'version-withdrawn',
    })
  })

  it('makes no rollback when nothing was changed, nor when none was asked for', async () => {
    const fleet = await bench.fleetOnOlder(2)
    const asked = await bench.roll(fleet, { abort: [{ on: 'ALL', count: 1 }] })
    await post(bench.platform, fleet.account, { path: `/${asked.rolloutId}/pause` })
    await post(bench.platform, fleet.account, { path: `/${asked.rolloutId}/rollback` })
    expect(await bench.view(fleet, asked.rolloutId)).toMatchObject({ state: 'ABORTED', rolledBackBy: null })
    const plain = await bench.roll(fleet, { rollback: 'NONE', acceptDataLoss: null, abort: [{ on: 'ALL', count: 1 }] })
    await bench.run(fleet, plain.rolloutId, () => ({ error: refused, present: true }))
    expect(await bench.view(fleet, plain.rolloutId)).toMatchObject({ state: 'ABORTED', rolledBackBy: null })
    const late = await post(bench.platform, fleet.account, { path: `/${plain.rolloutId}/rollback` })
    expect([late.status, late.body.code]).toEqual([409, 'state-conflict'])
  })
})

describe('a rollback by a person', () => {
  it('sets back a completed update, once, and that is not retried then', async () => {
    const fleet = await bench.fleetOnOlder(2)
    const rollout = await bench.roll(fleet, {})
    await bench.run(fleet, rollout.rolloutId, () => ({}))
    expect((await bench.view(fleet, rollout.rolloutId)).state).toBe('COMPLETED')
    const both = await Promise.all(
      [1, 2].map(() => post(bench.platform, fleet.account, { path: `/${rollout.rolloutId}/rollback` })),
    )
    expect(both.map(({ status }) => status)).toEqual([200, 200])
    expect(both[0]?.body.rolledBackBy).toBe(both[1]?.body.rolledBackBy)
    const retried = await post(bench.platform, fleet.account, { path: `/${rollout.rolloutId}/retry` })
    expect(retried.status).toBe(409)
    await bench.run(fleet, both[0]?.body.rolledBackBy, () => ({ version: '1.0.1' }))
    expect(await bench.versions(fleet)).toEqual({ '1.0.1': 2 })
  })

  it('comes after an abort too, and takes along what was between two attempts then', async () => {
    const { db } = bench.platform
    const fleet = await bench.fleetOnOlder(2)
    const rollout = await bench.roll(fleet, { attempts: 2, backoffSeconds: 3600 })
    await stepAll(db, rollout.rolloutId)
    const [good, bad] = await inFlight(db, rollout.rolloutId)
    if (!good || !bad) throw new Error('Two are in flight.')
    // the newer version is there, and did not start
    const told = [good, { ...bad, error: failure('network'), version: '1.0.2', present: true }]
    await stepAll(db, rollout.rolloutId, { settled: await finish(db, fleet, told) })
    await post(bench.platform, fleet.account, { path: `/${rollout.rolloutId}/abort` })
    await stepAll(db, rollout.rolloutId)
    expect((await bench.view(fleet, rollout.rolloutId)).counters).toMatchObject({ succeeded: 1, cancelled: 1 })
    const { body } = await post(bench.platform, fleet.account, { path: `/${rollout.rolloutId}/rollback` })
    await bench.run(fleet, body.rolledBackBy, () => ({ version: '1.0.1' }))
    expect(await bench.versions(fleet)).toEqual({ '1.0.1': 2 })
  })

  it('obeys the window and the site budget of the update', async () => {
    const fleet = await bench.fleetOnOlder(4)
    const window = { from: '00:00', to: '23:59' }
    const rollout = await bench.roll(fleet, { maxInFlightPerSite: 1 }, { schedule: { window } })
    await bench.run(fleet, rollout.rolloutId, () => ({}))
    const { body } = await post(bench.platform, fleet.account, { path: `/${rollout.rolloutId}/rollback` })
    expect(await bench.view(fleet, body.rolledBackBy)).toMatchObject({ schedule: { window } })
    await stepAll(bench.platform.db, body.rolledBackBy)
    expect((await bench.view(fleet, body.rolledBackBy)).counters).toMatchObject({ inFlight: 2, pending: 2 })
  })
})
