import { randomUUID } from 'node:crypto'
import { buildApk, generateSigner } from '@ocelli/app-package/testing'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStoreFixture } from '../../../test/store-fixture.ts'

const store = await createStoreFixture()
afterAll(() => store.close())
type Headers = Record<string, string>
let publisher: { accountId: string; headers: Headers }
let operator: { accountId: string; headers: Headers }
let buyer: { accountId: string; headers: Headers }

beforeAll(async () => {
  publisher = await store.account()
  buyer = await store.account(['apps:view', 'store:purchase', 'apps:publish'])
  operator = await store.account(['apps:view', 'platform:operate'], true)
  const signer = await generateSigner()
  for (const [appId, visibility] of [
    ['listed.app', 'LISTED'],
    ['private.app', 'PRIVATE'],
  ] as const) {
    const bytes = await buildApk({ ...signer, appId, versionCode: 1, versionName: '1.0' })
    await store.publish(publisher.headers, bytes, `?visibility=${visibility}&name=The%20${appId}`)
  }
})

const call = async (
  method: 'GET' | 'POST' | 'PATCH',
  url: string,
  { headers, ...body }: { headers: Headers; payload?: object },
) => {
  const answer = await store.app.inject({ method, url, headers, ...body })
  return { status: answer.statusCode, body: answer.json(), headers: answer.headers }
}
const place = (payload: object, headers = buyer.headers) =>
  call('POST', '/store/v1/orders', {
    headers,
    payload: { appId: 'listed.app', licenseType: 'FULL', quantity: 3, ...payload },
  })
const act = (orderId: string, action: 'confirm' | 'cancel', { headers }: { headers: Headers }) =>
  call('POST', `/store/v1/orders/${orderId}/${action}`, { headers })

test('an order is placed, confirmed by the publisher, and becomes a quantity', async () => {
  const placed = await place({ reference: 'PO 7' })
  expect(placed.status).toBe(201)
  expect(placed.headers.location).toBe(`/store/v1/orders/${placed.body.orderId}`)
  expect(placed.body).toMatchObject({
    accountId: buyer.accountId,
    state: 'PLACED',
    total: 3,
    used: 0,
    free: 3,
    termDays: null,
    validUntil: null,
    reference: 'PO 7',
  })
  const { headers } = buyer
  expect((await call('GET', '/license/v1/licensequantities', { headers })).body).toEqual([])

  const confirmed = await act(placed.body.orderId, 'confirm', publisher)
  expect(confirmed).toMatchObject({ status: 200, body: { state: 'CONFIRMED', validUntil: null } })
  expect((await act(placed.body.orderId, 'confirm', publisher)).body).toEqual(confirmed.body)
  expect((await call('GET', '/license/v1/licensequantities/apps/listed.app', { headers })).body).toEqual([
    {
      appId: 'listed.app',
      appName: 'The listed.app',
      licenseType: 'FULL',
      total: 3,
      used: 0,
      free: 3,
      orders: [{ orderId: placed.body.orderId, total: 3, used: 0, free: 3, validUntil: null }],
    },
  ])
  for (const { accountId } of [buyer, publisher]) {
    const { rows } = await sql<{ type: string }>`SELECT type FROM event
      WHERE account_id = ${accountId} AND order_id = ${placed.body.orderId} ORDER BY event_id`.execute(store.db)
    expect(rows.map((row) => row.type)).toEqual(['order.placed', 'order.confirmed'])
  }
})

test('a subscription ends a year, or its term, after it was confirmed', async () => {
  for (const [termDays, payload] of [
    [365, {}],
    [30, { termDays: 30 }],
  ] as const) {
    const placed = await place({ licenseType: 'SUBSCRIPTION', ...payload })
    expect(placed.body).toMatchObject({ termDays, validUntil: null })
    const { body } = await act(placed.body.orderId, 'confirm', operator)
    const days = (Date.parse(body.validUntil) - Date.parse(body.confirmedAt)) / 86_400_000
    expect(days).toBeCloseTo(termDays, 3)
  }
})

test('the buyer does not confirm its own order, not even where it may publish', async () => {
  const { orderId } = (await place({})).body
  expect(await act(orderId, 'confirm', buyer)).toMatchObject({ status: 403, body: { code: 'permission-missing' } })
  const shopper = { headers: await store.machine(buyer.accountId, { permissions: ['apps:view', 'store:purchase'] }) }
  expect(await act(orderId, 'confirm', shopper)).toMatchObject({
    status: 403,
    body: { requiredPermission: 'apps:publish' },
  })
  const publishersShopper = {
    headers: await store.machine(publisher.accountId, { permissions: ['apps:view', 'store:purchase'] }),
  }
  expect((await act(orderId, 'confirm', publishersShopper)).status).toBe(403)
  expect((await call('GET', `/store/v1/orders/${orderId}`, buyer)).body.state).toBe('PLACED')

  const own = (await place({ appId: 'private.app' }, publisher.headers)).body
  expect((await act(own.orderId, 'confirm', publishersShopper)).status).toBe(403)
  expect((await act(own.orderId, 'confirm', publisher)).body.state).toBe('CONFIRMED')
})

test("strangers see neither orders nor apps that are not theirs, and publishers only their apps' orders", async () => {
  const stranger = await store.account()
  const { orderId } = (await place({})).body
  for (const method of ['GET', 'PATCH'] as const) {
    const payload = method === 'PATCH' ? { payload: { quantity: 1 } } : {}
    expect((await call(method, `/store/v1/orders/${orderId}`, { ...stranger, ...payload })).status).toBe(404)
  }
  expect((await act(orderId, 'confirm', stranger)).status).toBe(404)
  expect((await act(orderId, 'cancel', stranger)).status).toBe(404)
  expect((await act(randomUUID(), 'confirm', operator)).status).toBe(404)
  expect((await place({ appId: 'private.app' })).status).toBe(404)
  expect((await place({ appId: 'no.such.app' })).status).toBe(404)

  const list = async (role: string, who: { headers: Headers }) =>
    (await call('GET', `/store/v1/orders?role=${role}`, who)).body
  expect(await list('buyer', stranger)).toEqual([])
  expect(await list('publisher', stranger)).toEqual([])
  const ids = (orders: { orderId: string }[]) => orders.map((order) => order.orderId)
  expect(ids(await list('publisher', publisher))).toContain(orderId)
  expect(ids(await list('buyer', buyer))).toContain(orderId)
  expect(ids(await list('operator', operator))).toContain(orderId)
  expect(await list('operator', publisher)).toMatchObject({ code: 'permission-missing' })
})

test('units in use keep an order from being cancelled or reduced below them, with the count', async () => {
  const { orderId } = (await place({ quantity: 5 })).body
  await act(orderId, 'confirm', publisher)
  await sql`INSERT INTO license (account_id, app_id, device_id, license_type, order_id, state)
    SELECT ${buyer.accountId}, 'listed.app', 'cam-' || n, 'FULL', ${orderId}, 'RESERVED' FROM generate_series(1, 2) n`.execute(
    store.db,
  )
  const reduce = (quantity: number) => call('PATCH', `/store/v1/orders/${orderId}`, { ...buyer, payload: { quantity } })
  const inUse = { status: 409, body: { code: 'units-in-use', detail: expect.stringContaining('2 units') } }
  expect(await act(orderId, 'cancel', buyer)).toMatchObject(inUse)
  expect(await reduce(1)).toMatchObject(inUse)
  expect(await reduce(2)).toMatchObject({ status: 200, body: { total: 2, used: 2, free: 0 } })
  expect(await reduce(3)).toMatchObject({ status: 409, body: { code: 'state-conflict' } })
  expect((await reduce(0)).status).toBe(400)

  await sql`UPDATE license SET state = 'RELEASED' WHERE order_id = ${orderId}`.execute(store.db)
  expect(await act(orderId, 'cancel', buyer)).toMatchObject({ status: 200, body: { state: 'CANCELLED' } })
  expect((await act(orderId, 'cancel', buyer)).status).toBe(200)
  expect(await act(orderId, 'confirm', publisher)).toMatchObject({ status: 409, body: { code: 'state-conflict' } })
  expect((await reduce(1)).status).toBe(409)
})

test.each([
  [{ quantity: 0 }, '/quantity'],
  [{ quantity: 1.5 }, '/quantity'],
  [{ quantity: '3' }, '/quantity'],
  [{ licenseType: 'FREE' }, '/licenseType'],
  [{ termDays: 30 }, '/termDays'],
  [{ colour: 'red' }, '/colour'],
])('an order with %j is refused', async (payload, pointer) => {
  const { status, body } = await place(payload)
  expect(status).toBe(400)
  expect(body).toMatchObject({ code: 'invalid-request', errors: [{ pointer }] })
})

test('ordering needs store:purchase, and a retry with a key places one order', async () => {
  const viewer = await store.account(['apps:view'])
  expect((await place({}, viewer.headers)).body).toMatchObject({ requiredPermission: 'store:purchase' })
  const keyed = { ...buyer.headers, 'idempotency-key': 'order-1' }
  const [first, again] = [await place({}, keyed), await place({}, keyed)]
  expect(again.body).toEqual(first.body)
})

test('outside its projects a caller sees neither the orders nor the quantity of an app', async () => {
  const projectId = randomUUID()
  const { accountId } = buyer
  await sql`INSERT INTO project (project_id, account_id, name) VALUES (${projectId}, ${accountId}, 'North')`.execute(
    store.db,
  )
  await sql`INSERT INTO project_app VALUES (${accountId}, ${projectId}, 'listed.app')`.execute(store.db)
  const { orderId } = (await place({})).body
  await act(orderId, 'confirm', publisher)
  const inside = { headers: await store.machine(accountId, { projectIds: [projectId] }) }
  const outside = { headers: await store.machine(accountId, { projectIds: [] }) }
  expect((await call('GET', `/store/v1/orders/${orderId}`, inside)).status).toBe(200)
  expect((await call('GET', `/store/v1/orders/${orderId}`, outside)).status).toBe(404)
  expect((await call('GET', '/license/v1/licensequantities', outside)).body).toEqual([])
  expect((await call('GET', '/license/v1/licensequantities', inside)).body).not.toEqual([])
  expect((await call('GET', '/store/v1/apps/listed.app', outside)).status).toBe(404)
})
