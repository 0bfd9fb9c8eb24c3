import type { LicenseType } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'

interface Wanted {
  accountId: string
  appId: string
  licenseType: LicenseType
  orderId?: string
}

/** An order line with free units. */
export interface OpenLine {
  orderId: string
  free: number
}

type LineColumns = Record<'accountId' | 'appId' | 'licenseType' | 'orderId', RawBuilder<unknown>>

/** What follows FROM: the order lines that units may be taken from: the named one, or all, the one that ends last first. */
export function openLines({ accountId, appId, licenseType, orderId }: LineColumns): RawBuilder<unknown> {
  return sql`app_order WHERE account_id = ${accountId} AND app_id = ${appId} AND license_type = ${licenseType}
    AND state = 'CONFIRMED' AND used < total AND (valid_until IS NULL OR valid_until > now())
    AND (${orderId}::uuid IS NULL OR order_id = ${orderId}::uuid)
    ORDER BY valid_until DESC NULLS FIRST, order_id`
}

export const lineColumns = ({ accountId, appId, licenseType, orderId }: Wanted): LineColumns => ({
  accountId: sql`${accountId}`,
  appId: sql`${appId}`,
  licenseType: sql`${licenseType}`,
  orderId: sql`${orderId ?? null}`,
})

/** The confirmed order with a free unit; `not-found`, `invalid-request` or `no-free-license` where there is none. */
export async function pickOrder(db: Database, wanted: Wanted): Promise<string> {
  const { rows } = await sql<{ order_id: string }>`
    SELECT order_id FROM ${openLines(lineColumns(wanted))} LIMIT 1`.execute(db)
  return rows[0]?.order_id ?? (await refuseOrder(db, wanted))
}

/** Says why no unit can be taken. Always throws. */
export async function refuseOrder(db: Database, { accountId, appId, licenseType, orderId }: Wanted): Promise<never> {
  if (orderId) await requireOrder(db, { accountId, appId, licenseType, orderId })
  throw new ProblemError(
    'no-free-license',
    `No free ${licenseType} license of ${appId}${orderId ? ' in this order' : ''}. Order more, or release one that is no longer needed.`,
  )
}

/** The named order is one of the account, for this app and license type. */
export async function requireOrder(
  db: Database,
  { accountId, appId, licenseType, orderId }: Wanted & { orderId: string },
): Promise<void> {
  const order = await db
    .selectFrom('app_order')
    .select(['app_id', 'license_type'])
    .where('account_id', '=', accountId)
    .where('order_id', '=', orderId)
    .executeTakeFirst()
  if (!order) throw notFound(`The order ${orderId}`)
  if (order.app_id !== appId || order.license_type !== licenseType) {
    throw new ProblemError(
      'invalid-request',
      `The order ${orderId} is for ${order.license_type} licenses of ${order.app_id}.`,
    )
  }
}
