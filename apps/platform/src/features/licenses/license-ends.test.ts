import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { reportOf } from '../../../test/installation-fixture.ts'
import { type Customer, createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import { applyReports } from '../installations/apply-reports.ts'
import { sweepDeadlines } from '../installations/deadline-sweep.ts'
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

const sweep = () => sweepExpiry(ledger.db)
const types = async (about: { licenseId?: string; orderId?: string }) =>
  (await customer.events(about)).map(({ type }) => type)

describe('an order that ends', () => {
  it('takes its licenses and its total with it, at once and told', async () => {
    const orderId = await customer.order(3, 'SUBSCRIPTION')
    const { body: held } = await customer.makeLicense('never-seen', { licenseType: 'SUBSCRIPTION', orderId })
    const device = await customer.device()
    await customer.install(device.deviceId, { licenseType: 'SUBSCRIPTION', orderId })
    expect(await customer.used(orderId)).toMatchObject({ total: 3, used: 2 })
    await ledger.age({ orderId }, 366)

    expect(await sweep()).toMatchObject({ orders: 1, licenses: 2 })
    expect(await customer.used(orderId)).toEqual({ total: 0, used: 0, state: 'ENDED' })
    expect(await types({ licenseId: held.licenseId })).toEqual([
      'license.reserved',
      'license.issued',
      'license.expired',
    ])
    const ended = (await customer.events({ orderId })).find(({ type }) => type === 'order.ended')
    expect(ended?.data).toMatchObject({ state: 'ENDED', total: 0, endedTotal: 3 })
    const all = await customer.call('GET', `${customer.licensePath('never-seen')}?state=ALL`)
    expect(all.body).toMatchObject([{ licenseId: held.licenseId, state: 'EXPIRED' }])
    expect((await customer.call('GET', '/license/v1/licensequantities')).body).toEqual([])
    expect(await sweep()).toEqual({ orders: 0, licenses: 0, installations: 0 })
  })

  it('ends once, whatever processes look at once', async () => {
    const orders = await Promise.all(Array.from({ length: 5 }, () => customer.order(4, 'SUBSCRIPTION')))
    for (const [index, orderId] of orders.entries()) {
      for (const name of ['a', 'b', 'c']) {
        await customer.makeLicense(`camera-${index}-${name}`, { licenseType: 'SUBSCRIPTION', orderId })
      }
      await ledger.age({ orderId }, 400)
    }
    const done = await Promise.all(Array.from({ length: 6 }, sweep))
    // one that looks for trials holds the lock for a moment in which the one that ends orders gives up until the next sweep
    done.push(await sweep())
    expect(done.reduce((sum, { orders: ended }) => sum + ended, 0)).toBe(5)
    expect(done.reduce((sum, { licenses }) => sum + licenses, 0)).toBe(15)
    for (const orderId of orders) {
      expect(await customer.used(orderId)).toEqual({ total: 0, used: 0, state: 'ENDED' })
      const told = await types({ orderId })
      expect(told.filter((type) => type === 'order.ended')).toHaveLength(1)
      expect(told.filter((type) => type === 'license.expired')).toHaveLength(3)
    }
  })
})

describe('a license that ends', () => {
  it('gives its unit back; the trial of that device is used', async () => {
    const orderId = await customer.order(1, 'TRIAL')
    const { body } = await customer.makeLicense('camera', { licenseType: 'TRIAL' })
    await ledger.age({ licenseId: body.licenseId }, 29)
    expect(await sweep()).toMatchObject({ licenses: 0 })
    expect(await customer.used(orderId)).toMatchObject({ used: 1 })
    await ledger.age({ licenseId: body.licenseId }, 2)
    expect(await sweep()).toMatchObject({ orders: 0, licenses: 1 })
    expect(await customer.used(orderId)).toEqual({ total: 1, used: 0, state: 'CONFIRMED' })
    expect((await customer.makeLicense('camera', { licenseType: 'TRIAL' })).body.code).toBe('trial-used')
    expect((await customer.makeLicense('another', { licenseType: 'TRIAL' })).status).toBe(201)
  })

  it('has the app stopped on its camera, and the installation shows why, also after the camera has stopped it', async () => {
    const { orderId, device, licenseId } = await customer.subscribed()
    expect(await customer.installation(device.deviceId)).toMatchObject({ runningState: 'RUNNING', error: null })
    await ledger.age({ orderId }, 366)
    expect(await sweep()).toEqual({ orders: 1, licenses: 1, installations: 1 })

    const expired = { category: 'license', code: 'license-expired', retryable: false }
    const stopping = { settled: false, desiredRunningState: 'NOT_RUNNING', license: null, error: expired }
    expect(await customer.installation(device.deviceId)).toMatchObject(stopping)
    expect(await customer.desired(device)).toMatchObject({ presence: 'PRESENT', running: 'NOT_RUNNING', license: null })
    await customer.converge(device, 'NOT_RUNNING')
    const stopped = { settled: true, installationState: 'INSTALLED', runningState: 'NOT_RUNNING', error: expired }
    expect(await customer.installation(device.deviceId)).toMatchObject(stopped)
    expect(await types({ licenseId })).toContain('license.expired')

    const start = await customer.call('POST', `${customer.installPath(device.deviceId)}/state/RUNNING`)
    expect(start).toMatchObject({ status: 409, body: { code: 'license-expired' } })
  })

  it('is replaced by another license that the device holds, and the app goes on', async () => {
    const { orderId, device } = await customer.subscribed()
    await customer.order(1, 'FULL')
    const { body: full } = await customer.makeLicense(device.deviceId, { licenseType: 'FULL' })
    await ledger.age({ orderId }, 366)
    expect(await sweep()).toMatchObject({ licenses: 1, installations: 1 })
    expect(await customer.desired(device)).toMatchObject({ running: 'RUNNING', license: { licenseId: full.licenseId } })
    await customer.converge(device, 'RUNNING')
    expect(await customer.installation(device.deviceId)).toMatchObject({
      ...{ settled: true, runningState: 'RUNNING', error: null },
      license: { licenseId: full.licenseId },
    })
  })

  it('ends an install that was still under way', async () => {
    const orderId = await customer.order(1, 'SUBSCRIPTION')
    const device = await customer.device()
    await customer.install(device.deviceId, { licenseType: 'SUBSCRIPTION', orderId })
    await ledger.age({ orderId }, 366)
    await sweep()
    expect(await customer.installation(device.deviceId)).toMatchObject({
      ...{ installationState: 'INSTALLATION_FAILED', settled: true, license: null },
      error: { category: 'license', code: 'license-expired' },
    })
    expect(await customer.desired(device)).toMatchObject({ presence: 'ABSENT' })
  })

  it('stops the app of a camera that is away when it returns', async () => {
    const { orderId, device } = await customer.subscribed()
    await sql`UPDATE device SET connectivity = 'OFFLINE' WHERE device_id = ${device.deviceId}`.execute(ledger.db)
    await ledger.age({ orderId }, 366)
    await sweep()
    expect(await customer.installation(device.deviceId)).toMatchObject({ queued: true, settled: false })
    expect(await sweepDeadlines(ledger.db, Date.now)).toBe(0)
    await customer.converge(device, 'NOT_RUNNING')
    expect(await customer.installation(device.deviceId)).toMatchObject({ settled: true, runningState: 'NOT_RUNNING' })
  })

  it('stands in nobody’s way between its end and the job: a new one is made at once', async () => {
    const { orderId, device, licenseId } = await customer.subscribed()
    const stranger = (await customer.makeLicense('never-seen', { licenseType: 'SUBSCRIPTION', orderId })).body
    await ledger.age({ orderId }, 366)
    const next = await customer.order(2, 'SUBSCRIPTION')
    const wanted = { licenseType: 'SUBSCRIPTION', orderId: next }
    const made = await customer.makeLicense('never-seen', wanted)
    expect(made).toMatchObject({ status: 201, body: { orderId: next } })
    expect(made.body.licenseId).not.toBe(stranger.licenseId)
    expect(await customer.install(device.deviceId, wanted)).toMatchObject({ status: 202 })
    expect((await customer.installation(device.deviceId)).license.licenseId).not.toBe(licenseId)
    expect(await types({ licenseId })).toContain('license.expired')
    expect(await customer.used(next)).toMatchObject({ used: 2 })
    expect(await sweep()).toMatchObject({ orders: 1, licenses: 0 })
  })

  it('lets no app come back running that is away for an older version', async () => {
    const { orderId, device } = await customer.subscribed()
    await sql`UPDATE device SET app_downgrade = 'REINSTALL' WHERE device_id = ${device.deviceId}`.execute(ledger.db)
    const older = { licenseType: 'SUBSCRIPTION', orderId, version: '1.0.1', allowDowngrade: true }
    expect(await customer.install(device.deviceId, older)).toMatchObject({ status: 202 })
    await applyReports(ledger.db, [reportOf(device, [], [])])
    const sent = await customer.desired(device)
    await ledger.age({ orderId }, 366)
    expect(await sweep()).toMatchObject({ licenses: 1, installations: 1 })
    const wish = await customer.desired(device)
    expect(wish).toMatchObject({ presence: 'PRESENT', running: 'NOT_RUNNING', license: null, allowDowngrade: true })
    expect(wish?.revision).toBeGreaterThan(sent?.revision ?? 0)
  })

  it('brings no app back that somebody has removed, and lets it not start when it is there again', async () => {
    const { orderId, device } = await customer.subscribed()
    await applyReports(ledger.db, [reportOf(device, [], [])])
    expect(await customer.installation(device.deviceId)).toMatchObject({ drift: 'REMOVED', settled: true })
    const before = await customer.desired(device)
    await ledger.age({ orderId }, 366)
    expect(await sweep()).toMatchObject({ licenses: 1 })
    expect(await customer.installation(device.deviceId)).toMatchObject({ drift: 'REMOVED', settled: true })
    expect(await customer.desired(device)).toMatchObject({ revision: before?.revision, running: 'NOT_RUNNING' })
  })

  it('brings no app back that somebody has removed when it is renewed, or given back by hand', async () => {
    const { device, licenseId } = await customer.subscribed()
    await applyReports(ledger.db, [reportOf(device, [], [])])
    const before = await customer.desired(device)
    const next = await customer.order(1, 'SUBSCRIPTION', 700)
    const path = `/license/v1/licenses/${licenseId}`
    expect(await customer.call('POST', `${path}/renew`, { orderId: next })).toMatchObject({ status: 200 })
    expect(await customer.installation(device.deviceId)).toMatchObject({ drift: 'REMOVED', license: { licenseId } })
    expect(await customer.call('POST', `${path}/release`, { reason: 'gone' })).toMatchObject({ status: 200 })
    expect(await customer.installation(device.deviceId)).toMatchObject({
      drift: 'REMOVED',
      license: null,
      settled: true,
    })
    expect((await customer.desired(device))?.revision).toBe(before?.revision)
  })

  it('leaves an app alone that is being removed', async () => {
    const { orderId, device } = await customer.subscribed()
    await customer.call('DELETE', customer.installPath(device.deviceId))
    await ledger.age({ orderId }, 366)
    expect(await sweep()).toMatchObject({ licenses: 1, installations: 0 })
    await customer.converge(device)
    expect(await customer.installation(device.deviceId)).toMatchObject({
      installationState: 'NOT_INSTALLED',
      error: null,
    })
  })
})

describe('a license near its end', () => {
  const told = async (licenseId: string) =>
    (await customer.events({ licenseId })).flatMap(({ type, data }) => (type === 'license.expiring' ? [data.days] : []))

  it('is told once at each threshold, the nearest one only when several passed unheard', async () => {
    const orderId = await customer.order(1, 'SUBSCRIPTION')
    const { licenseId } = (await customer.makeLicense('camera', { licenseType: 'SUBSCRIPTION', orderId })).body
    const days: [number, number[]][] = [
      [300, []],
      [36, [30]],
      [1, [30]],
      [25, [30, 7]],
      [2, [30, 7, 1]],
    ]
    for (const [passed, expected] of days) {
      await ledger.age({ licenseId }, passed)
      const sums = await Promise.all([1, 2, 3].map(() => warnOfExpiry(ledger.db, [30, 7, 1])))
      expect(sums.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(1)
      expect(await told(licenseId)).toEqual(expected)
    }
  })

  it('is not told of thresholds that its whole term lies within', async () => {
    await customer.order(1, 'TRIAL')
    await sql`UPDATE app SET trial_days = 14 WHERE app_id = ${customer.appId}`.execute(ledger.db)
    const { licenseId } = (await customer.makeLicense('camera', { licenseType: 'TRIAL' })).body
    await warnOfExpiry(ledger.db, [30, 7, 1])
    expect(await told(licenseId)).toEqual([])
    await ledger.age({ licenseId }, 8)
    await warnOfExpiry(ledger.db, [30, 7, 1])
    expect(await told(licenseId)).toEqual([7])
  })
})
