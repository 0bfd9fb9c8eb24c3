import type { RolloutDeviceDetail } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRolloutBench, type RolloutBench } from '../../../test/rollout-bench.ts'
import { get, installOf, makeFleet, post, recount, stepAll, unitsUsed } from '../../../test/rollout-fixture.ts'
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

describe('a rollout', () => {
  it('installs on every device, with exact counters, licenses and history', async () => {
    const fleet = await makeFleet(platform, { devices: 30, sites: 3, units: 40 })
    const rollout = await bench.begin(fleet)
    expect(rollout).toMatchObject({ state: 'RUNNING', counters: { total: 30, pending: 30 } })
    expect(await unitsUsed(db, fleet)).toEqual({ used: 30, held: 30 })
    await stepAll(db, rollout.rolloutId)
    expect((await bench.view(fleet, rollout.rolloutId)).counters).toMatchObject({ total: 30, inFlight: 30, pending: 0 })
    await bench.run(fleet, rollout.rolloutId)
    const ended = await bench.view(fleet, rollout.rolloutId)
    expect(ended).toMatchObject({ state: 'COMPLETED', counters: { total: 30, succeeded: 30, inFlight: 0 } })
    const { counted, kept } = await recount(db, rollout.rolloutId)
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
    expect(await unitsUsed(db, fleet)).toEqual({ used: 0, held: 0 })
    const list = await platform.app.inject({ url: '/software/v1/rollouts', headers: fleet.account.headers })
    expect(list.json()).toEqual({ items: [], nextCursor: null })
  })

  it('begins only when a second person has approved it and its time has come', async () => {
    const fleet = await makeFleet(platform, { devices: 2 })
    const startAt = new Date(Date.now() + 3_600_000).toISOString()
    const rollout = await bench.begin(fleet, { requireApproval: true, schedule: { startAt } })
    expect(rollout.state).toBe('AWAITING_APPROVAL')
    const own = await post(platform, fleet.account, { path: `/${rollout.rolloutId}/approve` })
    expect([own.status, own.body.code]).toEqual([409, 'state-conflict'])
    const second = await platform.account({ accountId: fleet.account.accountId })
    const approved = await post(platform, second, { path: `/${rollout.rolloutId}/approve` })
    expect(approved.body).toMatchObject({ state: 'SCHEDULED', approvedBy: { kind: 'user', id: second.userId } })
    await stepAll(db, rollout.rolloutId)
    expect((await bench.view(fleet, rollout.rolloutId)).counters.pending).toBe(2)
    await sql`UPDATE rollout SET start_at = now() WHERE rollout_id = ${rollout.rolloutId}`.execute(db)
    await stepAll(db, rollout.rolloutId)
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({ state: 'RUNNING', counters: { inFlight: 2 } })
  })

  it('pauses, resumes and aborts; what is in flight comes to its end', async () => {
    const fleet = await makeFleet(platform, { devices: 6 })
    const rollout = await bench.begin(fleet, { strategy: { maxInFlight: 2 } })
    await stepAll(db, rollout.rolloutId)
    const act = (name: string) => post(platform, fleet.account, { path: `/${rollout.rolloutId}/${name}` })
    expect((await act('pause')).body.state).toBe('PAUSED')
    await bench.run(fleet, rollout.rolloutId)
    expect(await bench.view(fleet, rollout.rolloutId)).toMatchObject({
      state: 'PAUSED',
      counters: { succeeded: 2, pending: 4 },
    })
    expect((await act('resume')).body.state).toBe('RUNNING')
    await stepAll(db, rollout.rolloutId)
    expect((await act('abort')).body.state).toBe('ABORTED')
    expect((await act('abort')).status).toBe(200)
    expect((await act('resume')).status).toBe(409)
    await stepAll(db, rollout.rolloutId)
    expect((await bench.view(fleet, rollout.rolloutId)).counters).toMatchObject({
      succeeded: 2,
      inFlight: 2,
      cancelled: 2,
    })
  })
})
