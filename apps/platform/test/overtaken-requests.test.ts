import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { TestDevice } from './installation-fixture.ts'
import { findLedgerErrors } from './ledger/movements.ts'
import type { Customer } from './ledger-fixture.ts'
import { createTwoProcesses, type TwoProcesses } from './two-processes.ts'

let platform: TwoProcesses
let customer: Customer
let orderId: string

beforeAll(async () => {
  platform = await createTwoProcesses()
  await sql`CREATE FUNCTION leave_as_it_is() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`.execute(
    platform.db,
  )
  await sql`CREATE TRIGGER leave_restless BEFORE UPDATE ON device_channel FOR EACH ROW WHEN (OLD.device_id LIKE 'restless%')
    EXECUTE FUNCTION leave_as_it_is()`.execute(platform.db)
})
afterAll(() => platform?.close())
beforeEach(async () => {
  customer = await platform.ledger.customer()
  orderId = await customer.order(30)
})

/** The second of them, which a batch of the others meets. */
async function devicesOf(count: number): Promise<{ devices: TestDevice[]; second: TestDevice }> {
  const devices = await Promise.all(Array.from({ length: count }, () => customer.device()))
  const [, second] = devices
  if (!second) throw new Error('A batch needs devices.')
  return { devices, second }
}
const ledgerErrors = () => findLedgerErrors(platform.db, customer.accountId)
const outcomes = async (answers: ReturnType<TwoProcesses['installInOrder']>) =>
  (await Promise.allSettled(answers)).map((one) => (one.status === 'fulfilled' ? one.value.status : one.reason.code))

test('a batch that waits for one account holds up no other', async () => {
  const other = await platform.ledger.customer()
  await other.order(3)
  const { devices, second } = await devicesOf(4)
  const theirs = await other.device()
  const { answers } = await platform.whileLocked(second, async () => {
    const answers = outcomes(platform.installInOrder(customer, devices))
    await platform.waiting()
    expect(await outcomes(platform.installInOrder(other, [theirs]))).toEqual([202])
    return { answers }
  })
  expect(await answers).toEqual([202, 202, 202, 202])
})

test.each([[false], [true]])(
  'a batch whose connection is lost is done again one by one (with keys: %s)',
  async (withKey) => {
    const { devices, second } = await devicesOf(12)
    const { answers } = await platform.whileLocked(second, async () => {
      const answers = outcomes(platform.installInOrder(customer, devices, { withKey }))
      await sql`SELECT pg_terminate_backend(${await platform.waiting()})`.execute(platform.db)
      return { answers }
    })
    expect(await answers).toEqual(Array(12).fill(202))
    expect(await customer.used(orderId)).toMatchObject({ used: 12 })
    expect(await ledgerErrors()).toEqual([])
  },
)

test('a request that is overtaken is decided anew, and the others of its batch are not', async () => {
  const { devices, second } = await devicesOf(5)
  const { deviceId } = second
  const { answers } = await platform.whileLocked(second, async (transaction) => {
    const answers = outcomes(platform.installInOrder(customer, devices))
    await platform.waiting()
    await sql`UPDATE device SET connectivity = 'OFFLINE' WHERE device_id = ${deviceId}`.execute(transaction)
    await sql`UPDATE device_channel SET revision = revision + 1 WHERE device_id = ${deviceId}`.execute(transaction)
    return { answers }
  })
  expect(await answers).toEqual([202, 'device-offline', 202, 202, 202])
  expect(await platform.transactionsOf(customer.accountId)).toBe(2)
  expect(await ledgerErrors()).toEqual([])
})

test('a request that is overtaken ever again is told to come back, and the others are not', async () => {
  const { devices, second } = await devicesOf(5)
  const deviceId = `restless-${randomUUID()}`
  await platform.renameDevice(second, deviceId)
  second.deviceId = deviceId
  expect(await outcomes(platform.installInOrder(customer, devices))).toEqual([202, 'unavailable', 202, 202, 202])
  expect(await ledgerErrors()).toEqual([])
})
