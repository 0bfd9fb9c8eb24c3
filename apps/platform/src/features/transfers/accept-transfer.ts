import type { Transfer } from '@ocelli/contract'
import { sql } from 'kysely'
import { brokenConstraint, type DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents, type NewEvent } from '../../platform/events/emit.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { decide, isUnused, lockDevice, lockTransfer, requireOpen, requireTransferable } from './transfer-service.ts'

const offerDays = 30

/**
 * Takes an offered device over. Its projects, tags, labels and history stay behind (rules.md 2).
 * `gatewayId` is the gateway that has lost it; null when there was none, or when it was accepted before.
 */
export async function acceptTransfer(
  context: Context,
  transferId: string,
): Promise<{ transfer: Transfer; gatewayId: string | null }> {
  return await inTransaction(context.db, async (db) => {
    const transfer = await lockTransfer(db, context, { transferId, side: 'toAccountId' })
    if (transfer.state === 'ACCEPTED') return { transfer, gatewayId: null }
    requireOpen(transfer)
    const { fromAccountId, toAccountId, deviceId, withLicenses } = transfer
    const device = await lockDevice(db, { accountId: fromAccountId, deviceId, sees: sql`true` })
    if (!device) throw new ProblemError('state-conflict', 'The other account no longer has this device.')
    await requireFresh(db, transferId)
    await requireTransferable(db, { accountId: fromAccountId, deviceId, withLicenses })
    await placeWithReceiver(db, transfer)
    // before the installations go, which say what is used
    const unused = await releaseUnused(db, transfer)
    await sql`DELETE FROM installation WHERE account_id = ${fromAccountId} AND device_id = ${deviceId}`.execute(db)
    const doubled = await releaseDoubledKeys(db, transfer)
    const { moved, events } = await moveLicenses(db, transfer)
    await sql`DELETE FROM device WHERE account_id = ${fromAccountId} AND device_id = ${deviceId}`.execute(db)
    const data = { transferId, fromAccountId, toAccountId, licenses: moved }
    const told: NewEvent[] = [
      ...unused,
      ...doubled,
      ...events,
      { type: 'device.transferred', accountId: fromAccountId, deviceId, data },
      { type: 'device.transferred', accountId: toAccountId, deviceId, data },
    ]
    // the giver's device is no longer there to say who may see them
    const { projectIds } = device
    await emitEvents(
      db,
      context.origin,
      told.map((event) => (event.accountId === fromAccountId ? { ...event, projectIds } : event)),
    )
    return { transfer: await decide(db, transferId, 'ACCEPTED'), gatewayId: device.gatewayId }
  })
}

/** An offer is for the device as it stood there then: not for one that was given free and claimed anew, nor for ever. */
async function requireFresh(db: DatabaseTransaction, transferId: string): Promise<void> {
  const { rows } = await sql`SELECT 1 FROM device_transfer t
    JOIN device d ON d.account_id = t.from_account_id AND d.device_id = t.device_id
    WHERE t.transfer_id = ${transferId} AND t.offered_at > now() - ${offerDays} * interval '1 day'
      AND coalesce(d.claimed_at, d.created_at) <= t.offered_at`.execute(db)
  if (rows.length > 0) return
  throw new ProblemError(
    'state-conflict',
    `This offer no longer holds: it is older than ${offerDays} days, or the device was claimed anew since. Have it withdrawn and made again.`,
  )
}

/**
 * Units that the giver's rollouts have reserved and no app has come to use: the giver has paid for them, and its rollouts find the
 * device gone. Gives what is to be told.
 */
async function releaseUnused(
  db: DatabaseTransaction,
  { fromAccountId, deviceId, transferId }: Transfer,
): Promise<NewEvent[]> {
  const { rows } = await sql<{ licenseId: string; appId: string; orderId: string }>`
    UPDATE license l SET state = 'RELEASED', released_at = now(), release_reason = ${`transfer ${transferId}`}
    WHERE l.account_id = ${fromAccountId} AND l.device_id = ${deviceId} AND ${isUnused}
    RETURNING l.license_id AS "licenseId", l.app_id AS "appId", l.order_id AS "orderId"`.execute(db)
  const data = { reason: 'transferred', transferId }
  return rows.map((row) => ({ ...row, type: 'license.released', accountId: fromAccountId, deviceId, data }))
}

const heldOnce = ['license_held_once', 'license_vendor_once']

/** The receiver may hold the very key file already, uploaded for a camera that it was to get: then one of the two is enough. */
async function releaseDoubledKeys(
  db: DatabaseTransaction,
  { fromAccountId, toAccountId, deviceId, transferId }: Transfer,
): Promise<NewEvent[]> {
  const { rows } = await sql<{ licenseId: string; appId: string }>`
    UPDATE license l SET state = 'RELEASED', released_at = now(), release_reason = ${`transfer ${transferId}`}
    FROM license r WHERE l.account_id = ${fromAccountId} AND l.device_id = ${deviceId} AND l.issuer = 'VENDOR' AND l.state = 'VALID'
      AND r.account_id = ${toAccountId} AND r.device_id = l.device_id AND r.app_id = l.app_id AND r.issuer = 'VENDOR'
      AND r.state = 'VALID' AND r.token = l.token
    RETURNING l.license_id AS "licenseId", l.app_id AS "appId"`.execute(db)
  const data = { reason: 'transferred', transferId }
  return rows.map((row) => ({ ...row, type: 'license.released', accountId: fromAccountId, deviceId, data }))
}

/**
 * Each order line that the licenses come from gives its units to a new line of the receiver, then the licenses are
 * pointed to it. The order of statements keeps `used` within `total` at each of them: the new total stands before the
 * trigger counts there, and the old one falls after the trigger has counted down. Keys of a vendor have no unit and just change hands.
 */
async function moveLicenses(
  db: DatabaseTransaction,
  transfer: Transfer,
): Promise<{ moved: number; events: NewEvent[] }> {
  const { fromAccountId, toAccountId, deviceId } = transfer
  const held = await sql<{ licenseId: string; orderId: string | null; appId: string }>`
    SELECT license_id AS "licenseId", order_id AS "orderId", app_id AS "appId" FROM license
    WHERE account_id = ${fromAccountId} AND device_id = ${deviceId} AND state IN ('RESERVED', 'VALID')
    ORDER BY license_id FOR UPDATE`.execute(db)
  const oldOrders = [...new Set(held.rows.flatMap(({ orderId }) => orderId ?? []))].sort()
  const newOrders: string[] = []
  for (const orderId of oldOrders) {
    const units = held.rows.filter((license) => license.orderId === orderId).length
    const { rows } = await sql<{ order_id: string }>`
      INSERT INTO app_order (account_id, app_id, license_type, total, state, term_days, valid_until, reference, confirmed_at, confirmed_by, grant_id)
      SELECT ${toAccountId}, app_id, license_type, ${units}, 'CONFIRMED', term_days, valid_until, ${`transfer ${transfer.transferId}`},
        now(), ${`transfer ${transfer.transferId}`}, grant_id
      FROM app_order WHERE order_id = ${orderId} RETURNING order_id`.execute(db)
    newOrders.push(...rows.map((row) => row.order_id))
  }
  try {
    await sql`UPDATE license l SET account_id = ${toAccountId}, order_id = m.new_order
      FROM (SELECT h.license_id, o.new_order FROM license h
        LEFT JOIN unnest(${oldOrders}::uuid[], ${newOrders}::uuid[]) AS o (old_order, new_order) ON o.old_order = h.order_id
        WHERE h.license_id = ANY(${held.rows.map(({ licenseId }) => licenseId)}::uuid[])) m
      WHERE l.license_id = m.license_id`.execute(db)
  } catch (error) {
    if (!heldOnce.includes(brokenConstraint(error)?.constraint ?? '')) throw error
    throw new ProblemError(
      'license-conflict',
      'Your account holds a license for an app of this device already: release it first.',
    )
  }
  await sql`UPDATE app_order o SET total = o.total - n.units FROM
      (SELECT order_id, count(*)::int AS units FROM unnest(${held.rows.flatMap(({ orderId }) => orderId ?? [])}::uuid[]) AS u (order_id)
       GROUP BY order_id) n WHERE o.order_id = n.order_id`.execute(db)
  // a trial is once per account, app and device, however it came to the account
  await sql`INSERT INTO trial_issued (account_id, app_id, device_id, license_id)
    SELECT account_id, app_id, device_id, license_id FROM license
    WHERE license_id = ANY(${held.rows.map(({ licenseId }) => licenseId)}::uuid[]) AND license_type = 'TRIAL'
    ON CONFLICT DO NOTHING`.execute(db)
  const events = held.rows.flatMap(({ licenseId, orderId, appId }): NewEvent[] => {
    const movement = { deviceId, appId, licenseId, data: { transferId: transfer.transferId } }
    if (orderId === null) {
      const told = { ...movement, type: 'license.transferred' as const }
      return [fromAccountId, toAccountId].map((accountId) => ({ ...told, accountId }))
    }
    const newOrder = newOrders[oldOrders.indexOf(orderId)] ?? null
    return [
      { ...movement, type: 'order.changed', accountId: fromAccountId, orderId },
      { ...movement, type: 'order.confirmed', accountId: toAccountId, orderId: newOrder },
    ]
  })
  return { moved: held.rows.length, events }
}

/**
 * What the camera says of itself moves; what the giver said of it does not. A row that the receiver has stays its own, and is
 * held before any license moves: whoever gives the device a license there at the same time comes before or after all of this.
 */
async function placeWithReceiver(
  db: DatabaseTransaction,
  { fromAccountId, toAccountId, deviceId }: Transfer,
): Promise<void> {
  await sql`INSERT INTO device AS d (account_id, device_id, state, manufacturer, model, serial_number, mac_address, firmware_version,
      architecture, platform_level, unsigned_apps, driver, app_formats, identity_source, assignment)
    SELECT ${toAccountId}, device_id, 'UNCLAIMED', manufacturer, model, serial_number, mac_address, firmware_version,
      architecture, platform_level, unsigned_apps, driver, app_formats, identity_source, assignment + 1
    FROM device WHERE account_id = ${fromAccountId} AND device_id = ${deviceId}
    -- locks the row and leaves it as it is
    ON CONFLICT (account_id, device_id) DO UPDATE SET state = d.state WHERE false`.execute(db)
}
