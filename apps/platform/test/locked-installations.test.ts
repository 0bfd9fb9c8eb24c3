import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { usualLimits } from '../src/platform/database/session-limits.ts'
import { type Customer, createLedger, type Ledger } from './ledger-fixture.ts'
import { withClient } from './postgres/test-database.ts'

const lockTimeoutMs = 500
let ledger: Ledger
let customer: Customer
let orderId: string

beforeAll(async () => {
  ledger = await createLedger(undefined, 6, { ...usualLimits, lockTimeoutMs })
})
afterAll(() => ledger?.close())
beforeEach(async () => {
  customer = await ledger.customer()
  orderId = await customer.order(50)
})

/** Installs on all at once, while another session holds what `statement` locks. Gives status or code of each. */
async function installAll(deviceIds: string[], statement: string, values: unknown[] = []) {
  return await withClient(ledger.platform.connectionString, async (stuck) => {
    await stuck.query('BEGIN')
    await stuck.query(statement, values)
    const answers = await Promise.all(
      deviceIds.map((deviceId) => customer.call('PUT', customer.installPath(deviceId), { licenseType: 'FULL' })),
    )
    await stuck.query('ROLLBACK')
    return answers.map(({ status, body }) => (status < 400 ? status : `${status} ${body.code}`))
  })
}
const devices = async (count: number) =>
  (await Promise.all(Array.from({ length: count }, () => customer.device()))).map(({ deviceId }) => deviceId)

test('a device that a stuck session holds fails alone, is told to come again, and then goes through', async () => {
  const deviceIds = await devices(12)
  const held = deviceIds[5]
  const answers = await installAll(deviceIds, 'SELECT FROM device WHERE device_id = $1 FOR UPDATE', [held])
  expect(answers).toEqual(deviceIds.map((deviceId) => (deviceId === held ? '503 unavailable' : 202)))
  expect(await customer.used(orderId)).toMatchObject({ used: 11 })
  expect((await customer.call('PUT', customer.installPath(String(held)), { licenseType: 'FULL' })).status).toBe(202)
})

test('where all are held, nobody waits for the others’ turns one after another', async () => {
  const deviceIds = await devices(40)
  const startedAtMs = performance.now()
  const answers = await installAll(deviceIds, 'LOCK TABLE installation IN EXCLUSIVE MODE')
  expect(answers).toEqual(Array(40).fill('503 unavailable'))
  // four waits: the first request, the others together, and two of them alone
  expect(performance.now() - startedAtMs).toBeLessThan(20 * lockTimeoutMs)
  expect(await customer.used(orderId)).toMatchObject({ used: 0 })
})
