import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addDevice, addOrder, publishApp } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import { transferRoutes } from './transfer-routes.ts'

let platform: TestPlatform
const unassigned: [string, string][] = []
beforeAll(async () => {
  platform = await createTestPlatform(() =>
    transferRoutes({ unassigned: (gatewayId, deviceId) => void unassigned.push([gatewayId, deviceId]) }),
  )
})
afterAll(() => platform.close())

async function call(as: TestAccount, method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) {
  const url = `/device/v1/transfers${path}`
  const answer = await platform.app.inject({ method, url, headers: as.headers, ...(body ? { payload: body } : {}) })
  return { status: answer.statusCode, body: answer.json() }
}

/** A device of `giver` that holds one license of an order of ten. */
async function licensed(giver: TestAccount) {
  const device = await addDevice(platform.db, giver.accountId)
  const appId = `app.${device.deviceId}`
  await publishApp(platform.db, { accountId: giver.accountId, appId, versions: [1] })
  const orderId = await addOrder(platform.db, { accountId: giver.accountId, appId, total: 10 })
  const license = {
    account_id: giver.accountId,
    app_id: appId,
    device_id: device.deviceId,
    license_type: 'FULL' as const,
  }
  const { license_id } = await platform.db
    .insertInto('license')
    .values({ ...license, order_id: orderId, state: 'VALID', token: 'token' })
    .returning('license_id')
    .executeTakeFirstOrThrow()
  await platform.db
    .insertInto('installation')
    .values({ account_id: giver.accountId, device_id: device.deviceId, app_id: appId, managed: true, license_id })
    .execute()
  return { ...device, appId, orderId, license }
}

const units = (appId: string) =>
  platform.db
    .selectFrom('app_order')
    .select(['account_id', 'total', 'used'])
    .where('app_id', '=', appId)
    .orderBy('total')
    .execute()
const accountsOf = (deviceId: string) =>
  platform.db
    .selectFrom('device')
    .select(['account_id', 'state', 'gateway_id', 'tags'])
    .where('device_id', '=', deviceId)
    .execute()

test('an accepted device is the receiver’s UNCLAIMED device, and its gateway is told', async () => {
  const [giver, receiver] = [await platform.account(), await platform.account()]
  const { deviceId, gatewayId } = await addDevice(platform.db, giver.accountId)
  const offer = await call(giver, 'POST', '', { deviceId, toAccountId: receiver.accountId })
  expect(offer).toMatchObject({ status: 201, body: { state: 'OFFERED', withLicenses: false, decidedAt: null } })
  expect((await call(receiver, 'GET', '')).body).toEqual([offer.body])
  expect((await call(giver, 'POST', '', { deviceId, toAccountId: receiver.accountId })).body.code).toBe(
    'already-exists',
  )
  const path = `/${offer.body.transferId}/accept`
  expect((await call(giver, 'POST', path)).status).toBe(404)
  expect((await call(receiver, 'POST', path)).body.state).toBe('ACCEPTED')
  expect((await call(receiver, 'POST', path)).status).toBe(200)
  expect((await call(giver, 'DELETE', `/${offer.body.transferId}`)).body.code).toBe('state-conflict')
  expect(await accountsOf(deviceId)).toEqual([
    { account_id: receiver.accountId, state: 'UNCLAIMED', gateway_id: null, tags: [] },
  ])
  expect(unassigned).toContainEqual([gatewayId, deviceId])
})

test('licenses hold a device back, or pass with their units so that both accounts still add up', async () => {
  const [giver, receiver] = [await platform.account(), await platform.account()]
  const { deviceId, appId } = await licensed(giver)
  const body = { deviceId, toAccountId: receiver.accountId }
  expect((await call(giver, 'POST', '', body)).body.code).toBe('licenses-held')
  const { transferId } = (await call(giver, 'POST', '', { ...body, withLicenses: true })).body
  expect((await call(receiver, 'POST', `/${transferId}/accept`)).status).toBe(200)
  expect(await units(appId)).toEqual([
    { account_id: receiver.accountId, total: 1, used: 1 },
    { account_id: giver.accountId, total: 9, used: 0 },
  ])
  const licenses = await platform.db.selectFrom('license').selectAll().where('device_id', '=', deviceId).execute()
  expect(licenses).toMatchObject([{ account_id: receiver.accountId, state: 'VALID', token: 'token' }])
  const events = await platform.db.selectFrom('event').select('type').where('device_id', '=', deviceId).execute()
  expect(events.filter(({ type }) => type === 'device.transferred')).toHaveLength(2)
})

test('nothing moves when the receiver already holds a license of the pair', async () => {
  const [giver, receiver] = [await platform.account(), await platform.account()]
  const { deviceId, appId, license } = await licensed(giver)
  const orderId = await addOrder(platform.db, { accountId: receiver.accountId, appId, total: 5 })
  await platform.db
    .insertInto('license')
    .values({ ...license, account_id: receiver.accountId, order_id: orderId, state: 'RESERVED' })
    .execute()
  const before = await units(appId)
  const offer = { deviceId, toAccountId: receiver.accountId, withLicenses: true }
  const { transferId } = (await call(giver, 'POST', '', offer)).body
  expect((await call(receiver, 'POST', `/${transferId}/accept`)).body.code).toBe('license-conflict')
  expect(await units(appId)).toEqual(before)
  expect(await accountsOf(deviceId)).toMatchObject([{ account_id: giver.accountId, state: 'CLAIMED' }])
})

test('a license that was taken after the offer holds the device back at acceptance', async () => {
  const [giver, receiver] = [await platform.account(), await platform.account()]
  const { deviceId, license, orderId } = await licensed(giver)
  await platform.db.updateTable('license').set({ state: 'RELEASED' }).where('device_id', '=', deviceId).execute()
  const { transferId } = (await call(giver, 'POST', '', { deviceId, toAccountId: receiver.accountId })).body
  await platform.db
    .insertInto('license')
    .values({ ...license, order_id: orderId, state: 'VALID', token: 'token' })
    .execute()
  expect((await call(receiver, 'POST', `/${transferId}/accept`)).body.code).toBe('licenses-held')
})

test('an offer holds for 30 days, and not for a device that was claimed anew since', async () => {
  const [giver, receiver] = [await platform.account(), await platform.account()]
  const refused = async (change: 'old' | 'claimed anew') => {
    const { deviceId } = await addDevice(platform.db, giver.accountId)
    const { transferId } = (await call(giver, 'POST', '', { deviceId, toAccountId: receiver.accountId })).body
    if (change === 'old') {
      await sql`UPDATE device_transfer SET offered_at = now() - interval '30 days 1 second' WHERE transfer_id = ${transferId}`.execute(
        platform.db,
      )
    } else {
      await sql`UPDATE device SET claimed_at = now() WHERE device_id = ${deviceId}`.execute(platform.db)
    }
    const answer = await call(receiver, 'POST', `/${transferId}/accept`)
    expect(await accountsOf(deviceId)).toMatchObject([{ account_id: giver.accountId, state: 'CLAIMED' }])
    expect((await call(giver, 'DELETE', `/${transferId}`)).status).toBe(200)
    return [answer.status, answer.body.code]
  }
  expect(await refused('old')).toEqual([409, 'state-conflict'])
  expect(await refused('claimed anew')).toEqual([409, 'state-conflict'])
})

test('units that a rollout has reserved and no app uses stay with the giver, whatever passes with the device', async () => {
  const [giver, receiver] = [await platform.account(), await platform.account()]
  const { deviceId, appId, license, orderId } = await licensed(giver)
  const other = `${appId}.other`
  await publishApp(platform.db, { accountId: giver.accountId, appId: other, versions: [1] })
  const reserved = await addOrder(platform.db, { accountId: giver.accountId, appId: other, total: 3 })
  // one that an installation counts on passes, though it has not left the platform yet
  await platform.db
    .updateTable('license')
    .set({ state: 'RESERVED', token: null })
    .where('order_id', '=', orderId)
    .execute()
  await platform.db.updateTable('installation').set({ presence: 'PRESENT' }).where('device_id', '=', deviceId).execute()
  await platform.db
    .insertInto('license')
    .values({ ...license, app_id: other, order_id: reserved, state: 'RESERVED' })
    .execute()
  const offer = { deviceId, toAccountId: receiver.accountId }
  expect((await call(giver, 'POST', '', offer)).body).toMatchObject({
    code: 'licenses-held',
    detail: expect.stringContaining('1 license(s)'),
  })
  const { transferId } = (await call(giver, 'POST', '', { ...offer, withLicenses: true })).body
  expect((await call(receiver, 'POST', `/${transferId}/accept`)).status).toBe(200)
  expect(await units(other)).toEqual([{ account_id: giver.accountId, total: 3, used: 0 }])
  expect(await units(appId)).toEqual([
    { account_id: receiver.accountId, total: 1, used: 1 },
    { account_id: giver.accountId, total: 9, used: 0 },
  ])
  const events = platform.db.selectFrom('event').select(['account_id', 'app_id']).where('type', '=', 'license.released')
  expect(await events.where('device_id', '=', deviceId).execute()).toEqual([
    { account_id: giver.accountId, app_id: other },
  ])
})

test('a device of a project is not told of to those who did not see it, also when it is gone', async () => {
  const [giver, receiver] = [await platform.account(), await platform.account()]
  const outsider = await platform.account({ accountId: giver.accountId, permissions: ['devices:view'] })
  const { deviceId } = await addDevice(platform.db, giver.accountId)
  const { project_id } = await platform.db
    .insertInto('project')
    .values({ account_id: giver.accountId, name: 'Secret' })
    .returning('project_id')
    .executeTakeFirstOrThrow()
  const place = { account_id: giver.accountId, project_id, device_id: deviceId }
  await platform.db.insertInto('project_device').values(place).execute()
  const { transferId } = (await call(giver, 'POST', '', { deviceId, toAccountId: receiver.accountId })).body
  expect((await call(outsider, 'GET', '')).body).toEqual([])
  expect((await call(receiver, 'POST', `/${transferId}/accept`)).status).toBe(200)
  expect((await call(outsider, 'GET', '')).body).toEqual([])
  expect((await call(giver, 'GET', '')).body).toMatchObject([{ transferId, state: 'ACCEPTED' }])
})

test('an account is not flooded with the offers of another, and those to be decided come first', async () => {
  const [giver, receiver] = [await platform.account(), await platform.account()]
  const { rows } = await sql<{ first: string }>`
    WITH made AS (INSERT INTO device_transfer (from_account_id, to_account_id, device_id, with_licenses)
      SELECT ${giver.accountId}::uuid, ${receiver.accountId}::uuid, 'flood-' || n, false FROM generate_series(1, 1000) n RETURNING transfer_id)
    SELECT min(transfer_id::text) AS first FROM made`.execute(platform.db)
  const { deviceId } = await addDevice(platform.db, giver.accountId)
  const offer = () => call(giver, 'POST', '', { deviceId, toAccountId: receiver.accountId })
  expect((await offer()).body).toMatchObject({ status: 409, code: 'limit-reached' })
  await sql`UPDATE device_transfer SET state = 'DECLINED', offered_at = now() + interval '1 hour'
    WHERE transfer_id <> ${rows[0]?.first} AND to_account_id = ${receiver.accountId}`.execute(platform.db)
  expect((await offer()).status).toBe(201)
  const states = (await call(receiver, 'GET', '')).body.map(({ state }: { state: string }) => state)
  expect([states.length, ...states.slice(0, 3)]).toEqual([1000, 'OFFERED', 'OFFERED', 'DECLINED'])
})

test('an offer is declined or withdrawn by its own side only, and needs a permission', async () => {
  const [giver, receiver, stranger] = [await platform.account(), await platform.account(), await platform.account()]
  const viewer = await platform.account({ accountId: giver.accountId, permissions: ['devices:view'] })
  const { deviceId } = await addDevice(platform.db, giver.accountId)
  const body = { deviceId, toAccountId: receiver.accountId }
  expect((await call(viewer, 'POST', '', body)).body).toMatchObject({ status: 403, requiredPermission: 'devices:edit' })
  expect((await call(stranger, 'POST', '', body)).status).toBe(404)
  expect((await call(giver, 'POST', '', { ...body, toAccountId: giver.accountId })).status).toBe(400)
  const one = (await call(giver, 'POST', '', body)).body.transferId
  expect((await call(stranger, 'POST', `/${one}/decline`)).status).toBe(404)
  expect((await call(stranger, 'GET', '')).body).toEqual([])
  expect((await call(receiver, 'DELETE', `/${one}`)).status).toBe(404)
  expect((await call(receiver, 'POST', `/${one}/decline`)).body.state).toBe('DECLINED')
  const two = (await call(giver, 'POST', '', body)).body.transferId
  expect((await call(giver, 'DELETE', `/${two}`)).body.state).toBe('WITHDRAWN')
  expect((await call(receiver, 'POST', `/${two}/accept`)).body.code).toBe('state-conflict')
  expect(await accountsOf(deviceId)).toMatchObject([{ account_id: giver.accountId }])
})
