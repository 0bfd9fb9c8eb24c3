import type { Device } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { addDevice, addOrder, publishApp } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import type { Database } from '../../platform/database/database.ts'
import { deviceRoutes } from './device-routes.ts'

let platform: TestPlatform
let owner: TestAccount
let other: TestAccount
const unassigned: [string, string][] = []

beforeAll(async () => {
  platform = await createTestPlatform(() =>
    deviceRoutes({
      unassigned: (gatewayId, deviceId) => void unassigned.push([gatewayId, deviceId]),
      tellShares: () => {},
      nowMs: Date.now,
    }),
  )
  owner = await platform.account()
  other = await platform.account()
})
afterAll(() => platform?.close())

const read = (deviceId: string) => platform.call<Device>(owner, `GET /device/v1/devices/${deviceId}`)
const unclaim = (deviceId: string, { as = owner, query = '' } = {}) =>
  platform.call(as, `DELETE /device/v1/devices/${deviceId}${query}`)

async function waitsForLock() {
  const { rows } = await sql`SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(platform.db)
  expect(rows).toHaveLength(1)
}

async function license(accountId: string, deviceId: string, db: Database = platform.db) {
  const appId = `app-${deviceId.replaceAll('-', '')}`
  await publishApp(db, { accountId, appId, versions: [1] })
  const orderId = await addOrder(db, { accountId, appId, total: 3 })
  await db
    .insertInto('license')
    .values({
      account_id: accountId,
      app_id: appId,
      device_id: deviceId,
      license_type: 'FULL',
      order_id: orderId,
      state: 'RESERVED',
    })
    .execute()
  return appId
}

describe('a device', () => {
  test('is unclaimed only without licenses, or keeps them as an UNCLAIMED device', async () => {
    const device = await addDevice(platform.db, owner.accountId)
    const appId = await license(owner.accountId, device.deviceId)
    await platform.db
      .insertInto('installation')
      .values({ account_id: owner.accountId, device_id: device.deviceId, app_id: appId })
      .execute()
    expect((await unclaim(device.deviceId)).body).toMatchObject({ status: 409, code: 'licenses-held' })
    expect((await unclaim(device.deviceId, { as: other, query: '?keepLicenses=true' })).status).toBe(404)
    expect((await unclaim(device.deviceId, { query: '?keepLicenses=true' })).status).toBe(204)
    expect((await read(device.deviceId)).body).toMatchObject({
      ...{ state: 'UNCLAIMED', gatewayId: null, claimedAt: null, connectivity: 'NOT_CONNECTED' },
    })
    const orders = await platform.db.selectFrom('app_order').select('used').where('app_id', '=', appId).execute()
    expect(orders).toEqual([{ used: 1 }])
    const left = await platform.db
      .selectFrom('installation')
      .selectAll()
      .where('device_id', '=', device.deviceId)
      .execute()
    expect(left).toEqual([])
    expect(await platform.events(owner.accountId)).toEqual(['device.unclaimed'])
    expect(unassigned).toContainEqual([device.gatewayId, device.deviceId])
  })

  test('is not unclaimed over a license that is being taken for it at the same moment', async () => {
    const device = await addDevice(platform.db, owner.accountId)
    const answer = await platform.db.transaction().execute(async (db) => {
      await sql`SELECT 1 FROM device WHERE device_id = ${device.deviceId} FOR NO KEY UPDATE`.execute(db)
      const appId = await license(owner.accountId, device.deviceId, db)
      const unclaimed = unclaim(device.deviceId)
      await vi.waitFor(waitsForLock, { timeout: 10_000, interval: 20 })
      await sql`INSERT INTO installation (account_id, device_id, app_id) VALUES (${owner.accountId}, ${device.deviceId}, ${appId})`.execute(
        db,
      )
      return { unclaimed }
    })
    expect((await answer.unclaimed).body).toMatchObject({ status: 409, code: 'licenses-held' })
    expect((await read(device.deviceId)).body).toMatchObject({ state: 'CLAIMED' })
  })

  test('is gone when it is unclaimed and holds no license', async () => {
    const device = await addDevice(platform.db, owner.accountId)
    expect((await unclaim(device.deviceId)).status).toBe(204)
    expect((await read(device.deviceId)).status).toBe(404)
  })
})
