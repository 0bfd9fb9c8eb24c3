import type { LicenseType, Order, OrderQuery } from '@ocelli/sdk'
import type { CommandContext } from '../../command-context.ts'
import { atMost } from '../../output/at-most.ts'
import type { Cell, Column } from '../../output/table.ts'

export interface ListOrdersFlags {
  role?: OrderQuery['role']
  app?: string
  state?: OrderQuery['state']
  limit?: number
}

export interface PlaceOrderFlags {
  licenseType: LicenseType
  days?: number
  reference?: string
}

const columns: Column<Order>[] = [
  { heading: 'ORDER', value: ({ orderId }) => orderId },
  { heading: 'BUYER', value: ({ accountName }) => accountName },
  { heading: 'APP', value: ({ appId }) => appId },
  { heading: 'TYPE', value: ({ licenseType }) => licenseType },
  { heading: 'STATE', value: ({ state }) => state },
  { heading: 'TOTAL', value: ({ total }) => total, align: 'right' },
  { heading: 'USED', value: ({ used }) => used, align: 'right' },
  { heading: 'FREE', value: ({ free }) => free, align: 'right' },
  { heading: 'VALID UNTIL', value: ({ validUntil }) => validUntil },
  { heading: 'REFERENCE', value: ({ reference }) => reference },
]

export async function listOrders(flags: ListOrdersFlags, { client, out }: CommandContext): Promise<void> {
  const { role, app: appId, state, limit } = flags
  const found = (await client()).orders.list({ role, appId, state })
  await out.list(atMost(found, limit), columns, { empty: 'No orders match.' })
}

export async function placeOrder(
  what: { appId: string; quantity: number },
  { licenseType, days: termDays, reference }: PlaceOrderFlags,
  { client, out }: CommandContext,
): Promise<void> {
  const order = await (await client()).orders.place({ ...what, licenseType, termDays, reference })
  out.one(order, fields(order))
}

export async function showOrder(orderId: string, { client, out }: CommandContext): Promise<void> {
  const order = await (await client()).orders.get(orderId)
  out.one(order, fields(order))
}

export async function reduceOrder(
  { orderId, quantity }: { orderId: string; quantity: number },
  { client, confirm, out }: CommandContext,
): Promise<void> {
  await confirm(`Reduce the order ${orderId} to ${quantity} units? The others are gone for good.`)
  const order = await (await client()).orders.reduce(orderId, { quantity })
  out.one(order, fields(order))
}

export async function confirmOrder(orderId: string, { client, out }: CommandContext): Promise<void> {
  const order = await (await client()).orders.confirm(orderId)
  out.one(order, fields(order))
}

export async function cancelOrder(orderId: string, { client, confirm, out }: CommandContext): Promise<void> {
  await confirm(`Cancel the order ${orderId}?`)
  const order = await (await client()).orders.cancel(orderId)
  out.one(order, fields(order))
}

const fields = (order: Order): [string, Cell][] => [
  ['order', order.orderId],
  ['buyer', order.accountName],
  ['app', order.appId],
  ['type', order.licenseType],
  ['state', order.state],
  ['total', order.total],
  ['used', order.used],
  ['free', order.free],
  ['term', order.termDays === null ? null : `${order.termDays} days`],
  ['valid until', order.validUntil],
  ['reference', order.reference],
  ['placed', order.placedAt],
  ['confirmed', order.confirmedAt],
]
