import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sweepExpiry } from '../src/features/licenses/expire-licenses.ts'
import { type Command, history } from './ledger/commands.ts'
import { findLedgerErrors, watchMovements } from './ledger/movements.ts'
import { runCommand, type World } from './ledger/run-command.ts'
import { createLedger, type Ledger } from './ledger-fixture.ts'
import { createLaptop, offlineRoutes } from './offline-fixture.ts'

// long runs: OCELLI_PROPERTY_RUNS=500 OCELLI_PROPERTY_SEED=$RANDOM npx vitest run apps/platform/test/license-ledger.property.test.ts
const seed = Number(process.env.OCELLI_PROPERTY_SEED ?? 20_261_123)
const numRuns = Number(process.env.OCELLI_PROPERTY_RUNS ?? 4)
const secondsPerRun = 60
const connections = 16

let ledger: Ledger
beforeAll(async () => {
  ledger = await createLedger(offlineRoutes, connections)
  await watchMovements(ledger.db)
})
afterAll(() => ledger?.close())

async function createWorld(): Promise<World> {
  const customer = await ledger.customer()
  const devices = await Promise.all(Array.from({ length: 16 }, () => customer.device()))
  for (const licenseType of ['FULL', 'TRIAL', 'SUBSCRIPTION'] as const) await customer.order(15, licenseType)
  const strangers = Array.from({ length: 12 }, (_, index) => `closed-network-${index}`)
  return { ledger, customer, devices, strangers, laptop: await createLaptop(customer), receipts: [] }
}

/** Runs a wave at once. Whoever loses a connection may fail; nobody else may be answered with an internal error. */
async function runWave(world: World, wave: Command[]): Promise<string[]> {
  const isDisturbed = wave.some(({ kind }) => kind === 'kill-connection')
  const answers = await Promise.allSettled(wave.map((command) => runCommand(world, command)))
  if (isDisturbed) return []
  return answers.flatMap((answer, index) => {
    const command = JSON.stringify(wave[index])
    if (answer.status === 'rejected') return [`${command} failed: ${answer.reason}`]
    return answer.value !== null && answer.value >= 500 && answer.value !== 503 ? [`${command}: ${answer.value}`] : []
  })
}

/** Everything comes home: whatever is held is released, ended or reported gone, and every order line is free again. */
async function drain({ customer, devices, strangers }: World): Promise<void> {
  const { db } = ledger
  await sql`UPDATE device SET connectivity = 'OFFLINE' WHERE account_id = ${customer.accountId} AND state = 'CLAIMED'`.execute(
    db,
  )
  for (const deviceId of [...strangers, ...devices.map((device) => device.deviceId)]) {
    await customer.call('POST', `/device/v1/devices/${deviceId}/declare-lost`, { reason: 'the end', state: 'LOST' })
  }
}

test('no unit is lost or doubled, and each movement is told, whatever happens at once', {
  timeout: (numRuns + 1) * secondsPerRun * 1000,
}, async () => {
  let done = 0
  await fc.assert(
    fc.asyncProperty(history({ waves: 8, perWave: 60 }), async (waves) => {
      const world = await createWorld()
      const { accountId } = world.customer
      for (const wave of waves) {
        expect(await runWave(world, wave)).toEqual([])
        expect(await findLedgerErrors(ledger.db, accountId)).toEqual([])
        done += wave.length
      }
      expect((await world.customer.call('GET', '/license/v1/audit')).body).toMatchObject({ ok: true })
      await sweepExpiry(ledger.db)
      await drain(world)
      expect(await findLedgerErrors(ledger.db, accountId)).toEqual([])
      const { rows } =
        await sql`SELECT order_id, used FROM app_order WHERE account_id = ${accountId} AND used <> 0`.execute(ledger.db)
      expect(rows).toEqual([])
    }),
    // what runs at once does not run the same way twice, so a smaller history would prove nothing
    { seed, numRuns, endOnFailure: true },
  )
  expect(done).toBeGreaterThan(numRuns * 120)
  // histories in which nothing moves would prove nothing
  const { rows } = await sql<{
    type: string
    n: number
  }>`SELECT type, count(*)::int AS n FROM event WHERE type IN ('license.reserved',
    'license.issued', 'license.released', 'license.expired', 'installation.reported') GROUP BY type`.execute(ledger.db)
  const moved = Object.fromEntries(rows.map(({ type, n }) => [type, n]))
  expect(Object.keys(moved)).toHaveLength(5)
  expect(moved['license.reserved']).toBeGreaterThan(numRuns * 20)
})
