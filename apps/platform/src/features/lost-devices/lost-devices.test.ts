import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { reportOf } from '../../../test/installation-fixture.ts'
import { type Customer, createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import { offlineRoutes } from '../../../test/offline-fixture.ts'
import { applyReports } from '../installations/apply-reports.ts'

let ledger: Ledger
let customer: Customer
beforeAll(async () => {
  ledger = await createLedger(offlineRoutes)
})
afterAll(() => ledger?.close())
beforeEach(async () => {
  customer = await ledger.customer()
})

const declare = (
  deviceId: string,
  payload: object = { reason: 'stolen in May', state: 'LOST' },
  by = customer.account,
) => customer.call('POST', `/device/v1/devices/${deviceId}/declare-lost`, payload, by)
const audit = async () => (await customer.call('GET', '/license/v1/audit')).body

it('a lost camera gives all of its units back, with the reason in each event', async () => {
  const orderId = await customer.order(4)
  const device = await customer.device()
  await customer.install(device.deviceId, { licenseType: 'FULL' })
  await customer.converge(device, 'RUNNING')
  const { license } = await customer.installation(device.deviceId)
  expect(await declare(device.deviceId)).toMatchObject({ status: 409, body: { code: 'state-conflict' } })
  await sql`UPDATE device SET connectivity = 'OFFLINE' WHERE device_id = ${device.deviceId}`.execute(ledger.db)
  const released = await declare(device.deviceId)
  expect(released).toEqual({
    status: 200,
    body: { deviceId: device.deviceId, state: 'LOST', licenseIds: [license.licenseId] },
  })
  expect(await customer.used(orderId)).toMatchObject({ used: 0 })
  expect((await customer.events(license)).at(-1)).toMatchObject({
    type: 'license.released',
    data: { reason: 'stolen in May', declared: true, state: 'LOST' },
  })
  expect(await customer.installation(device.deviceId)).toMatchObject({
    installationState: 'NOT_INSTALLED',
    settled: true,
  })
  expect(await customer.desired(device)).toBeUndefined()
  expect((await declare(device.deviceId)).body.licenseIds).toEqual([])
  expect(await audit()).toMatchObject({ ok: true, findings: [] })
})

it('a lost camera that shows its app again is a conflict until the app is licensed or gone', async () => {
  await customer.order(4)
  const device = await customer.device()
  await customer.install(device.deviceId, { licenseType: 'FULL' })
  await customer.converge(device, 'RUNNING')
  await sql`UPDATE device SET connectivity = 'OFFLINE' WHERE device_id = ${device.deviceId}`.execute(ledger.db)
  await declare(device.deviceId)
  const app = { appId: customer.appId, name: 'App', version: '1.0.2', runningState: 'RUNNING' as const, work: null }
  await applyReports(ledger.db, [reportOf(device, [{ ...app, present: true }], [])])
  const told =
    await sql`SELECT 1 FROM event WHERE account_id = ${customer.accountId} AND type = 'license.conflict'`.execute(
      ledger.db,
    )
  expect(told.rows).toHaveLength(1)
  expect(await audit()).toMatchObject({
    ok: true,
    findings: [{ code: 'license-conflict', severity: 'WARNING', deviceId: device.deviceId, appId: customer.appId }],
  })
  await customer.makeLicense(device.deviceId, { licenseType: 'FULL' })
  expect(await audit()).toMatchObject({ findings: [] })
})

it('a camera never claimed leaves the list with its licenses', async () => {
  await customer.order(4)
  await customer.makeLicense('closed-network', { licenseType: 'FULL' })
  expect((await declare('closed-network', { reason: 'flashed anew', state: 'RESET' })).body.licenseIds).toHaveLength(1)
  expect((await declare('closed-network')).status).toBe(404)
})

it('needs licenses:release, a reason and a device of the account', async () => {
  await customer.order(4)
  await customer.makeLicense('camera', { licenseType: 'FULL' })
  const { accountId } = customer
  const installer = await ledger.platform.account({ accountId, permissions: ['apps:install', 'devices:edit'] })
  expect(await declare('camera', undefined, installer)).toMatchObject({
    status: 403,
    body: { requiredPermission: 'licenses:release' },
  })
  expect((await declare('camera', { reason: '', state: 'LOST' })).status).toBe(400)
  expect((await declare('camera', { reason: 'gone', state: 'SOLD' })).status).toBe(400)
  const stranger = await ledger.customer()
  expect(
    (await stranger.call('POST', '/device/v1/devices/camera/declare-lost', { reason: 'gone', state: 'LOST' })).status,
  ).toBe(404)
})
