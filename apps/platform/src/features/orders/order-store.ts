import type { LicenseQuantity, Order, OrderQuery } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import { seesApp } from '../../platform/auth/visibility.ts'
import type { Database } from '../../platform/database/database.ts'

export interface OrderRow {
  order: Order
  buyerId: string
  publisherId: string
}

export type OrderRole = NonNullable<OrderQuery['role']>

/** Orders that the caller may look at in one of the roles, newest first. */
export async function readOrders(
  db: Database,
  caller: Caller,
  { roles, orderId, ...filter }: Omit<OrderQuery, 'role'> & { roles: OrderRole[]; orderId?: string },
): Promise<OrderRow[]> {
  const { appId, state, page = 0, size = 1000 } = filter
  const visible = {
    buyer: sql`(o.account_id = ${caller.accountId} AND ${seesApp(caller, sql`o.app_id`)})`,
    publisher: sql`(a.account_id = ${caller.accountId} AND ${seesApp(caller, sql`o.app_id`)})`,
    operator: sql`true`,
  }
  const { rows } = await sql<StoredOrder>`
    SELECT o.*, b.name AS account_name, a.account_id AS publisher_id
    FROM app_order o JOIN app a ON a.app_id = o.app_id JOIN account b ON b.account_id = o.account_id
    WHERE (${sql.join(
      roles.map((role) => visible[role]),
      sql` OR `,
    )})
      AND ${orderId === undefined ? sql`true` : sql`o.order_id = ${orderId}`}
      AND ${appId === undefined ? sql`true` : sql`o.app_id = ${appId}`} AND ${state === undefined ? sql`true` : sql`o.state = ${state}`}
    ORDER BY o.placed_at DESC, o.order_id LIMIT ${size} OFFSET ${page * size}`.execute(db)
  return rows.map((row) => ({ order: toOrder(row), buyerId: row.account_id, publisherId: row.publisher_id }))
}

/** Units of confirmed orders by app and license type, of apps that the caller sees. */
export async function readQuantities(db: Database, caller: Caller, appId?: string): Promise<LicenseQuantity[]> {
  const { rows } = await sql<StoredOrder & { app_name: string }>`
    SELECT o.*, a.name AS app_name FROM app_order o JOIN app a ON a.app_id = o.app_id
    WHERE o.account_id = ${caller.accountId} AND o.state = 'CONFIRMED' AND ${seesApp(caller, sql`o.app_id`)}
      AND (${appId ?? null}::text IS NULL OR o.app_id = ${appId ?? null})
    ORDER BY o.app_id, o.license_type, o.confirmed_at, o.order_id`.execute(db)
  const quantities = new Map<string, LicenseQuantity>()
  for (const row of rows) {
    const { app_id, app_name, license_type, order_id, valid_until } = row
    const key = `${license_type}/${app_id}`
    const known = quantities.get(key)
    const units = unitsOf(row)
    quantities.set(key, {
      appId: app_id,
      appName: app_name,
      licenseType: license_type,
      total: (known?.total ?? 0) + units.total,
      used: (known?.used ?? 0) + units.used,
      free: (known?.free ?? 0) + units.free,
      orders: [...(known?.orders ?? []), { orderId: order_id, ...units, validUntil: valid_until }],
    })
  }
  return [...quantities.values()]
}

interface StoredOrder {
  order_id: string
  account_id: string
  account_name: string
  publisher_id: string
  app_id: string
  license_type: Order['licenseType']
  total: number
  used: number
  state: Order['state']
  term_days: number | null
  valid_until: string | null
  reference: string | null
  placed_at: string
  confirmed_at: string | null
  cancelled_at: string | null
}

const unitsOf = ({ total, used }: { total: number; used: number }) => ({ total, used, free: total - used })

function toOrder(row: StoredOrder): Order {
  return {
    orderId: row.order_id,
    accountId: row.account_id,
    accountName: row.account_name,
    appId: row.app_id,
    licenseType: row.license_type,
    ...unitsOf(row),
    state: row.state,
    termDays: row.term_days,
    validUntil: row.valid_until,
    reference: row.reference,
    placedAt: row.placed_at,
    confirmedAt: row.confirmed_at,
    cancelledAt: row.cancelled_at,
  }
}
