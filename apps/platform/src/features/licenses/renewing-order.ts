import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Renewing } from './renew-licenses.ts'

export interface RenewingOrder {
  /** RFC 3339 */
  validUntil: string
  /** Seconds since 1970, by the database's clock. */
  issuedAt: number
  endsAt: number
}

/** The order that licenses are renewed with, once it is clear that each of them can be. */
export async function requireRenewingOrder(
  db: Database,
  { accountId, orderId, licenses }: { accountId: string; orderId: string; licenses: Renewing[] },
): Promise<RenewingOrder> {
  const { rows } = await sql<
    RenewingOrder & { appId: string; licenseType: string; state: string; isOver: boolean; free: number }
  >`SELECT app_id AS "appId", license_type AS "licenseType", state, valid_until AS "validUntil",
      valid_until <= now() AS "isOver", total - used AS free, floor(extract(epoch FROM now()))::bigint AS "issuedAt",
      floor(extract(epoch FROM valid_until))::bigint AS "endsAt"
    FROM app_order WHERE order_id = ${orderId} AND account_id = ${accountId}`.execute(db)
  const [order] = rows
  if (!order) throw notFound(`The order ${orderId}`)
  for (const license of licenses) requireRenewable(license, { orderId, ...order })
  if (order.state !== 'CONFIRMED' || order.isOver) {
    throw new ProblemError('state-conflict', `The order ${orderId} is ${order.isOver ? 'over' : order.state}.`)
  }
  if (order.free < licenses.length) {
    throw new ProblemError(
      'no-free-license',
      `The order ${orderId} has ${order.free} free units, and the renewal takes ${licenses.length}. Order more.`,
    )
  }
  return order
}

function requireRenewable(
  license: Renewing,
  order: { orderId: string; appId: string; licenseType: string; validUntil: string },
): void {
  const { licenseId, state, licenseType } = license
  if (licenseType !== 'SUBSCRIPTION') {
    const detail =
      licenseType === 'FULL'
        ? 'A FULL license does not end, so it is not renewed.'
        : 'A trial is not renewed. Install the app with a FULL or SUBSCRIPTION license: it is not reinstalled.'
    throw new ProblemError('state-conflict', detail)
  }
  if (state === 'RELEASED') {
    throw new ProblemError('state-conflict', `The license ${licenseId} is RELEASED. Make a new one.`)
  }
  if (order.appId !== license.appId || order.licenseType !== licenseType) {
    throw new ProblemError(
      'invalid-request',
      `The order ${order.orderId} is for ${order.licenseType} licenses of ${order.appId}.`,
      {
        errors: [{ pointer: '/orderId', code: 'other-order', detail: `is not for ${licenseType} of ${license.appId}` }],
      },
    )
  }
  const until = license.validUntil
  if (state !== 'EXPIRED' && until !== null && Date.parse(order.validUntil) <= Date.parse(until)) {
    throw new ProblemError('state-conflict', `The order ${order.orderId} does not end later than the license.`)
  }
}
