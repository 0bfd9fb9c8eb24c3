import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Asker, cameraToClaim, createGatewayBench, type GatewayBench } from '../../../test/gateway-fixture.ts'

let bench: GatewayBench
beforeAll(async () => {
  bench = await createGatewayBench()
})
afterAll(() => bench?.platform.close())

describe('claims', () => {
  test('go to who comes first, name nobody else, and keep identity and site when repeated', async () => {
    const { platform, newSite, gatewayOf, claim } = bench
    const [owner, stranger] = [await platform.account(), await platform.account()]
    const siteId = await newSite(owner)
    const [one, two] = [await gatewayOf(owner, siteId), await gatewayOf(owner, siteId)]
    const foreign = await gatewayOf(stranger, await newSite(stranger))
    const deviceId = randomUUID()
    const result = async (by: Asker, more: object = {}) =>
      (await claim(by, cameraToClaim(deviceId, more))).body.results[0]
    expect(await result(one)).toEqual({ deviceId, result: 'claimed', assignment: 1 })
    const moved = { address: 'http://192.0.2.10', identitySource: 'other' }
    expect(await result(one, moved)).toEqual({ deviceId, result: 'already-claimed', assignment: 1 })
    expect(await result(two)).toEqual({ deviceId, result: 'already-claimed', assignment: null })
    expect(await result(foreign)).toEqual({ deviceId, result: 'claimed-elsewhere', assignment: null })
    const row = await platform.db
      .selectFrom('device')
      .selectAll()
      .where('device_id', '=', deviceId)
      .executeTakeFirstOrThrow()
    expect(row).toMatchObject({
      address: 'http://192.0.2.10',
      identity_source: 'onvif:GetDeviceId',
      firmware_version: '1',
    })
    const events = await platform.db.selectFrom('event').select('type').where('device_id', '=', deviceId).execute()
    expect(events).toEqual([{ type: 'device.claimed' }])
    expect((await claim(foreign, cameraToClaim(randomUUID(), { siteId }))).status).toBe(404)
    expect((await claim(owner, cameraToClaim(randomUUID()))).status).toBe(403)
  })

  test('take a row that was unclaimed under the next assignment, unless another account has the camera', async () => {
    const { platform, newSite, gatewayOf, claim } = bench
    const [owner, stranger] = [await platform.account(), await platform.account()]
    const gateway = await gatewayOf(owner, await newSite(owner))
    const foreign = await gatewayOf(stranger, await newSite(stranger))
    const [free, taken] = [randomUUID(), randomUUID()]
    const rows = [free, taken].map((device_id) => ({
      ...{ account_id: owner.accountId, device_id, state: 'UNCLAIMED' as const, assignment: 4 },
    }))
    await platform.db.insertInto('device').values(rows).execute()
    await claim(foreign, cameraToClaim(taken))
    expect((await claim(gateway, cameraToClaim(taken), cameraToClaim(free))).body.results).toEqual([
      { deviceId: taken, result: 'claimed-elsewhere', assignment: null },
      { deviceId: free, result: 'claimed', assignment: 5 },
    ])
  })

  test('of rows that two accounts hold unclaimed end with one owner each, whoever is faster', async () => {
    const { platform, newSite, gatewayOf, claim } = bench
    const owners = [await platform.account(), await platform.account()]
    const gateways = await Promise.all(owners.map(async (owner) => gatewayOf(owner, await newSite(owner))))
    const ids = Array.from({ length: 200 }, () => randomUUID())
    for (const { accountId } of owners) {
      const rows = ids.map((device_id) => ({ account_id: accountId, device_id, state: 'UNCLAIMED' as const }))
      await platform.db.insertInto('device').values(rows).execute()
    }
    const answers = await Promise.all(gateways.map((by) => claim(by, ...ids.map((id) => cameraToClaim(id)))))
    const results = answers.map(({ body }) => body.results.map(({ result }) => result))
    for (const [index] of ids.entries()) {
      expect(results.map((ofOne) => ofOne[index]).sort()).toEqual(['claimed', 'claimed-elsewhere'])
    }
  })
})
