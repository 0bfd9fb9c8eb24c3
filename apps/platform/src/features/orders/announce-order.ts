import type { EventType } from '@ocelli/contract'
import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { type EventOrigin, emitEvents } from '../../platform/events/emit.ts'
import { projectsOfApp } from '../apps/app-store.ts'

/** Tells buyer and publisher what has become of an order, as it now is. */
export async function announceOrder(
  db: DatabaseTransaction,
  origin: EventOrigin,
  { orderId, type, data = {} }: { orderId: string; type: EventType; data?: Record<string, unknown> },
): Promise<void> {
  const { rows } = await sql<{ buyerId: string; publisherId: string; appId: string; facts: Record<string, unknown> }>`
    SELECT o.account_id AS "buyerId", a.account_id AS "publisherId", o.app_id AS "appId",
      jsonb_build_object('buyerAccountId', o.account_id, 'licenseType', o.license_type, 'total', o.total, 'state', o.state,
        'validUntil', rfc3339(o.valid_until)) AS facts
    FROM app_order o JOIN app a ON a.app_id = o.app_id WHERE o.order_id = ${orderId}`.execute(db)
  const [order] = rows
  if (!order) throw new Error(`The order ${orderId} is not there after writing it.`)
  const { buyerId, publisherId, appId, facts } = order
  for (const accountId of new Set([buyerId, publisherId])) {
    const projectIds = await projectsOfApp(db, accountId, appId)
    await emitEvents(db, origin, [{ type, accountId, appId, orderId, projectIds, data: { ...facts, ...data } }])
  }
}
