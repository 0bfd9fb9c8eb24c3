import type { DesiredDevice } from '@ocelli/contract'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import { readDesired } from '../installations/desired-state.ts'
import { createDispatcher, type ReadDesired } from './dispatcher.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await createLedger()
})
afterAll(() => ledger?.close())

const waitsFor = { timeout: 10_000, interval: 20 }

test('a wish that comes while its device is being sent is not sent unnoticed: it would be taken back as never sent', async () => {
  const { db } = ledger
  const customer = await ledger.customer()
  await customer.order(1)
  const { deviceId } = await customer.device()
  await sql`UPDATE device_channel SET revision = revision + 1 WHERE device_id = ${deviceId}`.execute(db)

  let installed: Promise<unknown> = Promise.resolve()
  let isInstalled = false
  const readWhileInstalling: ReadDesired = async (database, devices) => {
    if (devices.length > 0) {
      installed = customer.install(deviceId, { licenseType: 'FULL' }).then(() => {
        isInstalled = true
      })
      await vi.waitFor(async () => expect(isInstalled || (await isAnyWaiting())).toBe(true), waitsFor)
    }
    return await readDesired(database, devices)
  }
  const sent: DesiredDevice[] = []
  const dispatcher = createDispatcher({
    ...{ db, readDesired: readWhileInstalling, sendLogins: async () => {}, log: pino({ level: 'silent' }) },
    publish: (_gatewayId, message) => {
      if (message.kind === 'desired') sent.push(...message.devices)
      void dispatcher.close()
    },
  })
  dispatcher.start()
  await vi.waitFor(() => expect(sent).toHaveLength(1), waitsFor)
  await dispatcher.close()
  await installed

  const isSent = sent.some(({ apps }) => apps.length > 0)
  const { status } = await customer.call('DELETE', customer.installPath(deviceId))
  expect({ isSent, isTakenBack: status === 200 }).toEqual({ isSent, isTakenBack: !isSent })
})

async function isAnyWaiting(): Promise<boolean> {
  const { rows } = await sql`SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(ledger.db)
  return rows.length > 0
}
