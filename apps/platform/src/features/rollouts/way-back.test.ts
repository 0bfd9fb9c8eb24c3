import type { Preflight, RolloutRequest } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRollbackBench, type RollbackBench } from '../../../test/rollback-fixture.ts'
import { post } from '../../../test/rollout-fixture.ts'

let bench: RollbackBench
beforeAll(async () => {
  bench = await createRollbackBench()
})
afterAll(() => bench?.platform.close())

describe('before an update', () => {
  it('a dry run says of each device whether it can be set back and at which price, and making it says what to accept', async () => {
    const fleet = await bench.fleetOnOlder(6)
    const ids = fleet.devices.map(({ deviceId }) => deviceId)
    const set = (n: number, way: string | null, more = '') =>
      sql`UPDATE device SET app_downgrade = ${way}, driver = ${more === '' ? 'onvif' : 'vapix'}, firmware_version = ${more || null}
        WHERE account_id = ${fleet.account.accountId} AND device_id = ${ids[n]}`.execute(bench.platform.db)
    await set(0, null)
    await set(1, 'NONE')
    await set(2, 'IN_PLACE', '11.11.5')
    await set(3, 'IN_PLACE', '5.51')
    // a version that nobody has published here
    await sql`UPDATE installation SET installed_version = 'x', installed_version_code = NULL
      WHERE account_id = ${fleet.account.accountId} AND device_id = ${ids[4]}`.execute(bench.platform.db)
    const strict = { acceptDataLoss: null }
    const told = await post(bench.platform, fleet.account, { body: { ...bench.updateOf(fleet, strict), dryRun: true } })
    const { rollback, ready } = told.body as Preflight
    expect(ready).toBe(6)
    expect(rollback?.accepted).toBe(false)
    expect(rollback?.groups.map(({ ability, reason, deviceIds }) => [ability, reason, deviceIds])).toEqual([
      ['IMPOSSIBLE', 'downgrade', [ids[0], ids[1]]],
      ['LOSES_DATA', 'firmware', [ids[3]]],
      ['KEEPS_DATA', 'in-place', [ids[2]]],
      ['IMPOSSIBLE', 'previous-version-unknown', [ids[4]]],
      ['LOSES_DATA', 'reinstall', [ids[5]]],
    ])
    const make = (strategy: RolloutRequest['strategy']) =>
      post(bench.platform, fleet.account, { body: { ...bench.updateOf(fleet, strategy), requireApproval: true } })
    const both = await make(strict)
    expect([both.status, both.body.code]).toEqual([409, 'downgrade'])
    expect(both.body.detail).toMatch(/2 of 6 .*acceptDataLoss.* 3 of 6 .*acceptWithoutRollback/)
    const one = await make({ acceptDataLoss: true })
    expect([one.status, one.body.detail.includes('acceptDataLoss')]).toEqual([409, false])
    expect((await make({ acceptDataLoss: true, acceptWithoutRollback: true })).status).toBe(201)
  })

  it('asks for nothing where devices would not be changed', async () => {
    const fleet = await bench.fleetOnOlder(2, null)
    const plain = await bench.roll(fleet, { rollback: 'NONE', acceptDataLoss: null })
    await bench.run(fleet, plain.rolloutId, () => ({}))
    const told = await post(bench.platform, fleet.account, { body: { ...bench.updateOf(fleet, {}), dryRun: true } })
    expect(told.body.rollback).toEqual({ accepted: true, groups: [] })
    expect((await bench.roll(fleet, {})).counters.total).toBe(2)
  })

  it('says that the version to go back to was withdrawn', async () => {
    const fleet = await bench.fleetOnOlder(1)
    await sql`UPDATE app_version SET withdrawn_at = now() WHERE app_id = ${fleet.appId} AND version_code = 1`.execute(
      bench.platform.db,
    )
    const told = await post(bench.platform, fleet.account, { body: { ...bench.updateOf(fleet, {}), dryRun: true } })
    expect(told.body.rollback.groups).toMatchObject([{ ability: 'IMPOSSIBLE', reason: 'version-withdrawn', count: 1 }])
  })
})
