import { verifyLicense } from '@ocelli/license'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Customer, createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import { sweepExpiry } from './expire-licenses.ts'
import { warnOfExpiry } from './warn-of-expiry.ts'

let ledger: Ledger
let customer: Customer
beforeAll(async () => {
  ledger = await createLedger()
})
afterAll(() => ledger?.close())
beforeEach(async () => {
  customer = await ledger.customer()
})

describe('renewing', () => {
  const renew = (licenseId: string, orderId: string) =>
    customer.call('POST', `/license/v1/licenses/${licenseId}/renew`, { orderId })

  it('gives a new token under the same license, moves the unit, and places it on the camera by itself', async () => {
    const { orderId, device, licenseId } = await customer.subscribed(20)
    const next = await customer.order(1, 'SUBSCRIPTION', 400)
    const before = (await customer.call('GET', customer.licensePath(device.deviceId))).body[0]
    const wakes = ledger.wakes()

    const { status, body } = await renew(licenseId, next)
    expect(status).toBe(200)
    expect(body).toMatchObject({ licenseId, orderId: next, state: 'VALID', validFrom: before.validFrom })
    expect((Date.parse(body.validUntil) - Date.parse(before.validUntil)) / 86_400_000).toBeCloseTo(380, 2)
    expect(body.licenseToken).not.toBe(before.licenseToken)
    expect([await customer.used(orderId), await customer.used(next)]).toMatchObject([{ used: 0 }, { used: 1 }])
    expect(ledger.wakes()).toBe(wakes + 1)
    expect((await customer.events({ licenseId })).at(-2)).toMatchObject({
      type: 'license.renewed',
      data: { fromOrderId: orderId, fromState: 'VALID' },
    })

    const wish = await customer.desired(device)
    expect(wish).toMatchObject({ settled: false, running: 'RUNNING', license: { licenseId, renewal: 1 } })
    const file = await customer.converge(device, 'RUNNING')
    const now = new Date(Date.parse(before.validUntil) + 1000)
    const trust = [ledger.keys.root]
    const at = { trust, deviceId: device.deviceId, appId: customer.appId, now }
    expect(await verifyLicense(file ?? '', at)).toMatchObject({ valid: true, claims: { jti: licenseId, ord: next } })
    expect(await verifyLicense(before.licenseToken, { ...at, trust: ledger.keys.publicKeys })).toMatchObject({
      reason: 'expired',
    })
    expect(await customer.installation(device.deviceId)).toMatchObject({ settled: true, runningState: 'RUNNING' })

    expect((await renew(licenseId, next)).body).toEqual(body)
    expect(await customer.used(next)).toMatchObject({ used: 1 })
  })

  it('brings an ended license back, and starts the app that was stopped for it', async () => {
    const { orderId, device, licenseId } = await customer.subscribed()
    await ledger.age({ orderId }, 366)
    await sweepExpiry(ledger.db)
    await customer.converge(device, 'NOT_RUNNING')
    const next = await customer.order(1, 'SUBSCRIPTION')
    expect((await renew(licenseId, next)).body).toMatchObject({ state: 'VALID' })
    expect(await customer.desired(device)).toMatchObject({ running: 'RUNNING', license: { licenseId, renewal: 1 } })
    await customer.converge(device, 'RUNNING')
    expect(await customer.installation(device.deviceId)).toMatchObject({
      ...{ runningState: 'RUNNING', error: null },
      license: { licenseId },
    })
  })

  it('warns again before the new end', async () => {
    const orderId = await customer.order(1, 'SUBSCRIPTION', 20)
    const { licenseId } = (await customer.makeLicense('camera', { licenseType: 'SUBSCRIPTION', orderId })).body
    await ledger.age({ licenseId }, 15)
    await warnOfExpiry(ledger.db, [7])
    await renew(licenseId, await customer.order(1, 'SUBSCRIPTION', 100))
    await warnOfExpiry(ledger.db, [7])
    await ledger.age({ licenseId }, 95)
    await warnOfExpiry(ledger.db, [7])
    const told = await customer.events({ licenseId })
    expect(told.filter(({ type }) => type === 'license.expiring')).toHaveLength(2)
  })

  it('is refused, and moves nothing, where it cannot be', async () => {
    const { orderId, licenseId } = await customer.subscribed()
    const full = await customer.order(1, 'FULL')
    const sooner = await customer.order(1, 'SUBSCRIPTION', 10)
    const taken = await customer.order(1, 'SUBSCRIPTION', 500)
    await customer.makeLicense('other-camera', { licenseType: 'SUBSCRIPTION', orderId: taken })
    const fullLicense = (await customer.makeLicense('other-camera', { licenseType: 'FULL', orderId: full })).body
    const stranger = await ledger.customer()
    const foreign = await stranger.order(1, 'SUBSCRIPTION', 500)
    const refusals: [string, string, number, string][] = [
      [licenseId, full, 400, 'invalid-request'],
      [licenseId, sooner, 409, 'state-conflict'],
      [licenseId, taken, 409, 'no-free-license'],
      [licenseId, foreign, 404, 'not-found'],
      [fullLicense.licenseId, taken, 409, 'state-conflict'],
    ]
    for (const [license, order, status, code] of refusals) {
      expect(await renew(license, order), `${code} ${status}`).toMatchObject({ status, body: { code } })
    }
    expect((await stranger.call('POST', `/license/v1/licenses/${licenseId}/renew`, { orderId: foreign })).status).toBe(
      404,
    )
    expect(await customer.used(orderId)).toMatchObject({ used: 1 })
    for (const untouched of [sooner, foreign]) {
      const { rows } = await sql`SELECT used FROM app_order WHERE order_id = ${untouched}`.execute(ledger.db)
      expect(rows).toEqual([{ used: 0 }])
    }
  })

  it('renews a whole order, all of its licenses or none', async () => {
    const orderId = await customer.order(30, 'SUBSCRIPTION', 5)
    const licenseIds: string[] = []
    for (let index = 0; index < 30; index++) {
      licenseIds.push(
        (await customer.makeLicense(`camera-${index}`, { licenseType: 'SUBSCRIPTION', orderId })).body.licenseId,
      )
    }
    const small = await customer.order(29, 'SUBSCRIPTION', 400)
    const renewAll = (to: string) =>
      customer.call('POST', '/license/v1/renewals', { fromOrderId: orderId, orderId: to })
    expect(await renewAll(small)).toMatchObject({ status: 409, body: { code: 'no-free-license' } })
    expect(await customer.used(orderId)).toMatchObject({ used: 30 })
    const large = await customer.order(31, 'SUBSCRIPTION', 400)
    const renewed = await Promise.all([renewAll(large), renewAll(large), renewAll(large)])
    expect(renewed.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(renewed.flatMap(({ body }) => body.licenseIds).sort()).toEqual([...licenseIds].sort())
    expect([await customer.used(orderId), await customer.used(large)]).toMatchObject([{ used: 0 }, { used: 30 }])
  })
})
