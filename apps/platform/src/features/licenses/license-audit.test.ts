import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Customer, createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import { sweepExpiry } from './expire-licenses.ts'

let ledger: Ledger
let customer: Customer
beforeAll(async () => {
  ledger = await createLedger()
})
afterAll(() => ledger?.close())
beforeEach(async () => {
  customer = await ledger.customer()
})

const audit = async () => (await customer.call('GET', '/license/v1/audit')).body

it('recounts every order line, and every license by its events', async () => {
  const full = await customer.order(5)
  const first = await customer.order(2, 'SUBSCRIPTION', 10)
  const { licenseId } = (await customer.makeLicense('a', { licenseType: 'SUBSCRIPTION', orderId: first })).body
  const { body: spare } = await customer.makeLicense('b', { licenseType: 'FULL' })
  await customer.makeLicense('c', { licenseType: 'FULL' })
  await customer.call('POST', `/license/v1/licenses/${spare.licenseId}/release`, { reason: 'sold with the house' })
  await ledger.age({ orderId: first }, 11)
  await sweepExpiry(ledger.db)
  const second = await customer.order(2, 'SUBSCRIPTION', 100)
  await customer.call('POST', `/license/v1/licenses/${licenseId}/renew`, { orderId: second })
  const found = await audit()
  expect(found).toMatchObject({ accountId: customer.accountId, ok: true, findings: [] })
  expect(found.orders).toHaveLength(3)
  const lines = new Map(found.orders.map((order: { orderId: string }) => [order.orderId, order]))
  expect(lines.get(full)).toMatchObject({ total: 5, used: 1, counted: 1, ok: true, state: 'CONFIRMED' })
  expect(lines.get(first)).toMatchObject({ total: 0, used: 0, counted: 0, ok: true, state: 'ENDED' })
  expect(lines.get(second)).toMatchObject({ total: 2, used: 1, counted: 1, ok: true })
  expect(found.events).toEqual({
    ...{ reserved: 3, issued: 3, renewed: 1, released: 1, expired: 1, transferredIn: 0, transferredOut: 0 },
    ok: true,
  })
})

it('finds a counter that is wrong, and a license that moved without an event', async () => {
  const orderId = await customer.order(5)
  const { licenseId } = (await customer.makeLicense('a', { licenseType: 'FULL' })).body
  await customer.makeLicense('b', { licenseType: 'FULL' })
  await sql`UPDATE app_order SET used = 4 WHERE order_id = ${orderId}`.execute(ledger.db)
  expect(await audit()).toMatchObject({
    ...{ ok: false, orders: [{ used: 4, counted: 2, ok: false }] },
    findings: [{ code: 'units-miscounted', severity: 'ERROR', orderId }],
  })
  await sql`UPDATE app_order SET used = 2 WHERE order_id = ${orderId}`.execute(ledger.db)
  await sql`UPDATE license SET state = 'RELEASED' WHERE license_id = ${licenseId}`.execute(ledger.db)
  expect(await audit()).toMatchObject({
    ...{ ok: false, orders: [{ used: 1, counted: 1, ok: true }], events: { ok: false } },
    findings: [{ code: 'events-mismatch', severity: 'ERROR', licenseId, deviceId: 'a', appId: customer.appId }],
  })
})

it('sees one account alone, and needs audit:view', async () => {
  await customer.order(5)
  const stranger = await ledger.customer()
  expect((await stranger.call('GET', '/license/v1/audit')).body).toMatchObject({ orders: [], findings: [], ok: true })
  const viewer = await ledger.customer(['apps:view'])
  expect((await viewer.call('GET', '/license/v1/audit')).body.requiredPermission).toBe('audit:view')
})
