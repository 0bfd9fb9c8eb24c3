import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { DatabaseTransaction } from '../src/platform/database/database.ts'
import { findLedgerErrors } from './ledger/movements.ts'
import type { Customer } from './ledger-fixture.ts'
import { createTwoProcesses, type TwoProcesses } from './two-processes.ts'

let platform: TwoProcesses
let customer: Customer
let orderId: string

beforeAll(async () => {
  platform = await createTwoProcesses()
})
afterAll(() => platform?.close())
beforeEach(async () => {
  customer = await platform.ledger.customer()
  orderId = await customer.order(2)
})

/** What a release and an order's end do to a license, in a transaction that holds the device and leaves its revision as it is. */
const endLicense = (transaction: DatabaseTransaction, licenseId: string, state: 'RELEASED' | 'EXPIRED') =>
  sql`WITH ended AS (
      UPDATE license SET state = ${state}, released_at = CASE WHEN ${state} = 'RELEASED' THEN now() END,
        expired_at = CASE WHEN ${state} = 'EXPIRED' THEN now() END WHERE license_id = ${licenseId}
      RETURNING account_id, app_id, device_id, license_id, order_id)
    INSERT INTO event (account_id, type, actor_kind, app_id, device_id, license_id, order_id, data)
    SELECT account_id, ${state === 'RELEASED' ? 'license.released' : 'license.expired'}, 'platform', app_id, device_id, license_id,
      order_id, '{}' FROM ended`.execute(transaction)
const heldBy = async (deviceId: string) => (await customer.installation(deviceId)).license?.licenseId

test('an install on a license that ends while it waits for the device is decided anew, and takes a unit', async () => {
  const device = await customer.device()
  const { deviceId } = device
  const { licenseId } = (await customer.makeLicense(deviceId, { licenseType: 'FULL' })).body
  const { answers } = await platform.whileLocked(device, async (transaction) => {
    const answers = platform.installInOrder(customer, [device])
    await platform.waiting()
    await endLicense(transaction, licenseId, 'RELEASED')
    return { answers }
  })
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([202])
  const present = await heldBy(deviceId)
  expect(present).toEqual(expect.any(String))
  expect(present).not.toBe(licenseId)
  expect(await customer.used(orderId)).toMatchObject({ used: 1 })
  expect(await findLedgerErrors(platform.db, customer.accountId)).toEqual([])
})

test('a start of an app whose license ends while it waits for the device is refused', async () => {
  const device = await customer.device()
  const { deviceId } = device
  await customer.install(deviceId, { licenseType: 'FULL' })
  await customer.converge(device)
  const { licenseId } = (await customer.installation(deviceId)).license
  const { answer } = await platform.whileLocked(device, async (transaction) => {
    const answer = platform.second({
      ...{ method: 'POST', url: `${customer.installPath(deviceId)}/state/RUNNING`, by: customer.account },
    })
    await platform.waiting()
    await endLicense(transaction, licenseId, 'EXPIRED')
    return { answer }
  })
  expect(await answer).toMatchObject({ status: 409, body: { code: 'license-expired' } })
  expect(await customer.installation(deviceId)).toMatchObject({ settled: true, desiredRunningState: null })
})
