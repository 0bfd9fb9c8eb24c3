import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Customer, createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { forgetUnlicensed, showLicensed } from './unclaimed-devices.ts'

let ledger: Ledger
let customer: Customer
beforeAll(async () => {
  ledger = await createLedger()
  customer = await ledger.customer()
})
afterAll(() => ledger?.close())

const isListed = async (deviceId: string) => {
  const { rows } =
    await sql`SELECT 1 FROM device WHERE account_id = ${customer.accountId} AND device_id = ${deviceId}`.execute(
      ledger.db,
    )
  return rows.length > 0
}

/** Polls until some connection of this database waits for a lock, or `isOver`. */
async function untilBlocked(isOver: () => boolean): Promise<void> {
  const endMs = Date.now() + 10_000
  while (!isOver() && Date.now() < endMs) {
    const { rows } =
      await sql`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(
        ledger.db,
      )
    if (rows.length > 0) return
  }
}

test('a device leaves the list with its last license, and not while another one is being made for it', async () => {
  const { accountId, appId } = customer
  const orderId = await customer.order(5)
  const { body } = await customer.makeLicense('camera', { licenseType: 'FULL' })
  expect(await isListed('camera')).toBe(true)
  await customer.call('POST', `/license/v1/licenses/${body.licenseId}/release`, { reason: 'no longer needed' })
  expect(await isListed('camera')).toBe(false)

  await sql`INSERT INTO device (account_id, device_id, state) VALUES (${accountId}, 'camera', 'UNCLAIMED')`.execute(
    ledger.db,
  )
  let forgotten: Promise<void> = Promise.resolve()
  let isForgotten = false
  const forget = (db: DatabaseTransaction) => forgetUnlicensed(db, { accountId, deviceIds: ['camera'] })
  await ledger.db.transaction().execute(async (db) => {
    await sql`INSERT INTO license (account_id, app_id, device_id, license_type, order_id, state)
      VALUES (${accountId}, ${appId}, 'camera', 'FULL', ${orderId}, 'RESERVED')`.execute(db)
    await showLicensed(db, { accountId, devices: [{ deviceId: 'camera' }] })
    forgotten = ledger.db
      .transaction()
      .execute(forget)
      .then(() => {
        isForgotten = true
      })
    await untilBlocked(() => isForgotten)
  })
  await forgotten
  expect(await isListed('camera')).toBe(true)
})
