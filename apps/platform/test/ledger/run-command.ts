import { setImmediate as nextTurn } from 'node:timers/promises'
import { sql } from 'kysely'
import { sweepDeadlines } from '../../src/features/installations/deadline-sweep.ts'
import { sweepExpiry } from '../../src/features/licenses/expire-licenses.ts'
import { warnOfExpiry } from '../../src/features/licenses/warn-of-expiry.ts'
import { isTransient } from '../../src/platform/database/database.ts'
import type { TestDevice } from '../installation-fixture.ts'
import type { Customer, Ledger } from '../ledger-fixture.ts'
import { type createLaptop, entryOf } from '../offline-fixture.ts'
import type { Command } from './commands.ts'

export interface World {
  ledger: Ledger
  customer: Customer
  /** Claimed, behind a gateway. */
  devices: TestDevice[]
  /** Never claimed. */
  strangers: string[]
  laptop: Awaited<ReturnType<typeof createLaptop>>
  receipts: string[]
}

const pick = <Item>(items: readonly Item[], index: number): Item | undefined => items[index % Math.max(items.length, 1)]

/** Carries out a command and gives the HTTP status that it was answered with; null where nobody answers. */
export async function runCommand(world: World, command: Command): Promise<number | null> {
  const { ledger, customer } = world
  const { db } = ledger
  switch (command.kind) {
    case 'order':
      // ends of their own, so that some orders go on for longer than others
      await customer.order(command.total, command.licenseType, 300 + 100 * command.total)
      return null
    case 'cancel-order':
    case 'reduce-order':
    case 'end-order':
      return await changeOrder(world, command)
    case 'make-license': {
      const deviceId = pick([...world.strangers, ...world.devices.map((one) => one.deviceId)], command.device) ?? ''
      const orderId = command.licenseType === 'SUBSCRIPTION' ? await someOrder(world, command.device) : undefined
      return (await customer.makeLicense(deviceId, { licenseType: command.licenseType, orderId })).status
    }
    case 'bundle': {
      const devices = Array.from({ length: command.count }, (_, offset) => ({
        deviceId: pick(world.strangers, command.from + offset) ?? '',
      }))
      const apps = [{ appId: customer.appId, licenseType: 'FULL' }]
      return (await customer.call('POST', '/license/v1/bundles', { apps, devices })).status
    }
    case 'sweep':
      await sweepExpiry(db)
      await warnOfExpiry(db, [30, 7, 1])
      return null
    case 'kill-connection':
      // Waited for: one that is told to end and gets to it late would take down a statement of a wave that counts.
      await sql`SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY random() LIMIT 1`.execute(
        db,
      )
      // its goodbye has arrived; now the pool has heard it too
      await nextTurn()
      return null
    case 'release':
    case 'end-trial':
    case 'renew':
    case 'receipt':
      return await touchLicense(world, command)
    case 'replay-receipt': {
      const receipt = pick(world.receipts, command.receipt)
      return receipt ? (await customer.call('POST', '/license/v1/receipts', { receipt })).status : null
    }
    default:
      return await touchDevice(world, command)
  }
}

async function someOrder({ ledger, customer }: World, index: number): Promise<string | undefined> {
  const orders = await ledger.db
    .selectFrom('app_order')
    .select('order_id')
    .where('account_id', '=', customer.accountId)
    .where('license_type', '=', 'SUBSCRIPTION')
    .orderBy('placed_at')
    .execute()
  return pick(orders, index)?.order_id
}

async function changeOrder(
  { ledger, customer }: World,
  { kind, order }: Command & { kind: 'cancel-order' | 'reduce-order' | 'end-order' },
): Promise<number | null> {
  const { rows } = await sql<{ order_id: string; total: number }>`SELECT order_id, total FROM app_order
    WHERE account_id = ${customer.accountId} ORDER BY placed_at, order_id`.execute(ledger.db)
  const chosen = pick(rows, order)
  if (!chosen) return null
  const path = `/store/v1/orders/${chosen.order_id}`
  if (kind === 'cancel-order') return (await customer.call('POST', `${path}/cancel`)).status
  if (kind === 'reduce-order')
    return (await customer.call('PATCH', path, { quantity: Math.max(1, chosen.total - 1) })).status
  await undisturbed(() => ledger.age({ orderId: chosen.order_id }, 366))
  return null
}

async function touchLicense(
  world: World,
  command: Command & { kind: 'release' | 'end-trial' | 'renew' | 'receipt' },
): Promise<number | null> {
  const { ledger, customer, laptop } = world
  const { rows } = await sql<{ licenseId: string; deviceId: string; appId: string; licenseType: string }>`
    SELECT license_id AS "licenseId", device_id AS "deviceId", app_id AS "appId", license_type AS "licenseType"
    FROM license WHERE account_id = ${customer.accountId} ORDER BY created_at, license_id`.execute(ledger.db)
  // a renewal of another type is refused at once, and there are many of those
  const candidates = command.kind === 'renew' ? rows.filter((row) => row.licenseType === 'SUBSCRIPTION') : rows
  const license = pick(candidates, command.license)
  if (!license) return null
  const path = `/license/v1/licenses/${license.licenseId}`
  switch (command.kind) {
    case 'release':
      return (await customer.call('POST', `${path}/release`, { reason: 'no longer needed' })).status
    case 'end-trial':
      if (license.licenseType === 'TRIAL') await undisturbed(() => ledger.age({ licenseId: license.licenseId }, 40))
      return null
    case 'renew':
      return (await customer.call('POST', `${path}/renew`, { orderId: await someOrder(world, command.order) })).status
    case 'receipt': {
      const entries = command.results.map((result) => entryOf(license, result))
      const receipt = await laptop.sign(entries)
      world.receipts.push(receipt)
      return (await customer.call('POST', '/license/v1/receipts', { receipt })).status
    }
  }
}

async function touchDevice(world: World, command: Extract<Command, { device: number }>): Promise<number | null> {
  const { ledger, customer } = world
  const device = pick(world.devices, command.device)
  if (!device) return null
  const { deviceId } = device
  switch (command.kind) {
    case 'install':
      return (
        await customer.call('PUT', `${customer.installPath(deviceId)}?whenOffline=queue`, {
          licenseType: command.licenseType,
        })
      ).status
    case 'uninstall':
      return (await customer.call('DELETE', `${customer.installPath(deviceId)}?whenOffline=queue`)).status
    case 'start':
      return (await customer.call('POST', `${customer.installPath(deviceId)}/state/RUNNING`)).status
    case 'converge':
      await customer.converge(device, command.device % 2 ? 'RUNNING' : 'NOT_RUNNING')
      return null
    case 'fail':
      await customer.fail(device, { present: command.device % 3 === 0, step: command.device % 2 ? 'INSTALL' : 'START' })
      return null
    case 'gateway-asks':
      await ledger.askLicense(device, customer.appId)
      return null
    case 'miss-deadline':
      await undisturbed(async () => {
        await sql`UPDATE installation SET deadline_at = now() - interval '1 second' WHERE device_id = ${deviceId} AND NOT settled`.execute(
          ledger.db,
        )
      })
      await sweepDeadlines(ledger.db, Date.now)
      return null
    case 'toggle-connectivity':
      await undisturbed(async () => {
        await sql`UPDATE device SET connectivity = CASE connectivity WHEN 'ONLINE' THEN 'OFFLINE' ELSE 'ONLINE' END
          WHERE device_id = ${deviceId}`.execute(ledger.db)
      })
      return null
    case 'lose':
      return (
        await customer.call('POST', `/device/v1/devices/${deviceId}/declare-lost`, {
          reason: 'it is gone',
          state: 'LOST',
        })
      ).status
    case 'make-license':
      return null
  }
}

/** The test's own hand in the tables may lose a deadlock that a transaction of the platform would run again. */
async function undisturbed(run: () => Promise<void>): Promise<void> {
  await run().catch((error: unknown) => {
    if (!isTransient(error)) throw error
  })
}
