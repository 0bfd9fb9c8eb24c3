import type { EventType, Order, OrderQuery, OrderRequest } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { readApps } from '../apps/app-store.ts'
import { announceOrder } from './announce-order.ts'
import { requireConfirmer, requireRoles, unitsInUse, viewRoles } from './order-rules.ts'
import { type OrderRole, type OrderRow, readOrders } from './order-store.ts'

const defaultTermDays = 365

export async function listOrders({ db, caller }: Context, { role = 'buyer', ...filter }: OrderQuery): Promise<Order[]> {
  const roles: OrderRole[] = role === 'buyer' ? ['buyer'] : requireRoles(caller, [role])
  return (await readOrders(db, caller, { ...filter, roles })).map((row) => row.order)
}

export async function readOrder({ db, caller }: Context, orderId: string): Promise<Order> {
  const [row] = await readOrders(db, caller, { orderId, roles: viewRoles(caller) })
  if (!row) throw notFound(`The order ${orderId}`)
  return row.order
}

/** Places an order of an app that the account sees; units count once it is confirmed. */
export async function placeOrder(context: Context, request: OrderRequest): Promise<Order> {
  const { caller } = context
  const { appId, licenseType, quantity, reference = null } = request
  const isTermed = licenseType === 'SUBSCRIPTION'
  if (!isTermed && request.termDays !== undefined) {
    const detail = `only a SUBSCRIPTION has a term, not ${licenseType}`
    throw new ProblemError('invalid-request', `The request's body is not valid: ${detail}.`, {
      errors: [{ pointer: '/termDays', code: 'not-allowed', detail }],
    })
  }
  return await inTransaction(context.db, async (db) => {
    const [app] = await readApps(db, caller, { appId })
    if (!app || (app.app.visibility !== 'LISTED' && !app.app.own)) throw notFound(`The app ${appId}`)
    const termDays = isTermed ? (request.termDays ?? defaultTermDays) : null
    const { rows } = await sql<{ order_id: string }>`
      INSERT INTO app_order (account_id, app_id, license_type, total, term_days, reference)
      VALUES (${caller.accountId}, ${appId}, ${licenseType}, ${quantity}, ${termDays}, ${reference}) RETURNING order_id`.execute(
      db,
    )
    return await announce(db, context, { orderId: String(rows[0]?.order_id), type: 'order.placed' })
  })
}

/** Makes the units of an order usable, and begins a subscription's term. Again changes nothing. */
export async function confirmOrder(context: Context, orderId: string): Promise<Order> {
  requireRoles(context.caller, ['publisher', 'operator'])
  return await inTransaction(context.db, async (db) => {
    const row = await lockOrder(db, context, { orderId, roles: viewRoles(context.caller) })
    requireConfirmer(context.caller, row)
    if (row.order.state === 'CONFIRMED') return row.order
    if (row.order.state !== 'PLACED') throw closed(row)
    // whole seconds, as in the tokens: a license ends with its order, not before or after it
    const change = sql`state = 'CONFIRMED', confirmed_at = now(), confirmed_by = ${context.caller.id},
      valid_until = date_trunc('second', now()) + term_days * interval '1 day'`
    return await changeOrder(db, context, { orderId, type: 'order.confirmed', change })
  })
}

/** Cancels an order of which no unit is in use. Again changes nothing. */
export async function cancelOrder(context: Context, orderId: string): Promise<Order> {
  const roles = requireRoles(context.caller, ['buyer', 'publisher', 'operator'])
  return await inTransaction(context.db, async (db) => {
    const row = await lockOrder(db, context, { orderId, roles })
    if (row.order.state === 'CANCELLED') return row.order
    if (row.order.state === 'ENDED') throw closed(row)
    if (row.order.used > 0) throw unitsInUse(row.order.used, 0)
    const change = sql`state = 'CANCELLED', cancelled_at = now()`
    return await changeOrder(db, context, { orderId, type: 'order.cancelled', change })
  })
}

/** Reduces an order, never below what is in use. */
export async function reduceOrder(context: Context, orderId: string, quantity: number): Promise<Order> {
  const roles = requireRoles(context.caller, ['buyer', 'publisher', 'operator'])
  return await inTransaction(context.db, async (db) => {
    const row = await lockOrder(db, context, { orderId, roles })
    const { state, total, used } = row.order
    if (state !== 'PLACED' && state !== 'CONFIRMED') throw closed(row)
    if (quantity > total) {
      throw new ProblemError('state-conflict', `The order has ${total} units: for more, place another order.`)
    }
    if (quantity < used) throw unitsInUse(used, quantity)
    if (quantity === total) return row.order
    return await changeOrder(db, context, { orderId, type: 'order.changed', change: sql`total = ${quantity}` })
  })
}

/** Reads the order under a lock: what is judged now still holds when it is written. */
async function lockOrder(
  db: DatabaseTransaction,
  { caller }: Context,
  { orderId, roles }: { orderId: string; roles: OrderRole[] },
): Promise<OrderRow> {
  await sql`SELECT 1 FROM app_order WHERE order_id = ${orderId} FOR UPDATE`.execute(db)
  const [row] = await readOrders(db, caller, { orderId, roles })
  if (!row) throw notFound(`The order ${orderId}`)
  return row
}

interface Announcement {
  orderId: string
  type: EventType
}

async function changeOrder(
  db: DatabaseTransaction,
  context: Context,
  { change, ...announcement }: Announcement & { change: RawBuilder<unknown> },
): Promise<Order> {
  await sql`UPDATE app_order SET ${change} WHERE order_id = ${announcement.orderId}`.execute(db)
  return await announce(db, context, announcement)
}

/** Tells buyer and publisher, and gives the order as it now is. */
async function announce(
  db: DatabaseTransaction,
  { caller, origin }: Context,
  announcement: Announcement,
): Promise<Order> {
  await announceOrder(db, origin, announcement)
  const { orderId } = announcement
  const [row] = await readOrders(db, caller, { orderId, roles: ['operator'] })
  if (!row) throw new Error(`The order ${orderId} is not there after writing it.`)
  return row.order
}

function closed({ order: { state } }: OrderRow): ProblemError {
  return new ProblemError('state-conflict', `This order is ${state.toLowerCase()}: place a new one.`)
}
