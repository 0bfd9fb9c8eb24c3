import { License, LicenseRenewal, OrderRenewal, OrderRenewed, Uuid } from '@ocelli/contract'
import { sql } from 'kysely'
import { Type } from 'typebox'
import { seesApp, seesProjects } from '../../platform/auth/visibility.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { allowLongStatements } from '../../platform/database/session-limits.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import { type AnyRoute, type Context, ok, route } from '../../platform/http/route.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'
import { readLicense } from './license-service.ts'
import { renewLicenses } from './renew-licenses.ts'

export interface RenewalRoutesDeps {
  keys: LicenseKeys
  /** The device channel has something to send. */
  wake: () => void
}

/** Licenses that go on: one, or all of an order. */
export function renewalRoutes({ keys, wake }: RenewalRoutesDeps): AnyRoute[] {
  const tag = 'Licenses'
  return [
    route({
      method: 'POST',
      path: '/license/v1/licenses/:licenseId/renew',
      access: 'apps:install',
      tag,
      summary: 'Renew a SUBSCRIPTION license with a unit of another order; devices that are online get the new token',
      params: Type.Object({ licenseId: Uuid }),
      body: LicenseRenewal,
      responses: { 200: License },
      handle: async ({ context, params: { licenseId }, body: { orderId } }) =>
        ok(
          await inTransaction(context.db, async (db) => {
            const inside = { ...context, db }
            const { issuer } = await readLicense(inside, licenseId)
            if (issuer === 'VENDOR') {
              const detail = 'The license is a key of the vendor: send the new key to POST /license/v1/vendor-licenses.'
              throw new ProblemError('state-conflict', detail)
            }
            const { wishes } = await renewLicenses(db, inside, { licenseIds: [licenseId], orderId, keys })
            if (wishes > 0) context.afterCommit(wake)
            return await readLicense(inside, licenseId)
          }),
        ),
    }),
    route({
      method: 'POST',
      path: '/license/v1/renewals',
      access: 'apps:install',
      tag,
      summary: 'Renew every license of an order that is held, or has ended with it, by another order: all or none',
      body: OrderRenewal,
      responses: { 200: OrderRenewed },
      handle: async ({ context, body }) => ok({ licenseIds: await renewOrder(context, { ...body, keys, wake }) }),
    }),
  ]
}

async function renewOrder(
  context: Context,
  { fromOrderId, orderId, keys, wake }: OrderRenewal & RenewalRoutesDeps,
): Promise<string[]> {
  const { caller } = context
  return await inTransaction(context.db, async (db) => {
    await allowLongStatements(db)
    const order =
      await sql`SELECT 1 FROM app_order o WHERE o.order_id = ${fromOrderId} AND o.account_id = ${caller.accountId}
      AND ${seesApp(caller, sql`o.app_id`)}`.execute(db)
    if (order.rows.length === 0) throw notFound(`The order ${fromOrderId}`)
    const { rows } = await sql<{ license_id: string }>`SELECT l.license_id FROM license l
      WHERE l.account_id = ${caller.accountId} AND l.order_id = ${fromOrderId} AND l.state IN ('RESERVED', 'VALID', 'EXPIRED')
        AND NOT EXISTS (SELECT 1 FROM device d WHERE d.account_id = l.account_id AND d.device_id = l.device_id
          AND NOT ${seesProjects(caller, sql.ref('d.project_ids'))})
        -- what ended and was replaced since is not needed again
        AND (l.state <> 'EXPIRED' OR NOT EXISTS (SELECT 1 FROM license h WHERE h.account_id = l.account_id AND h.app_id = l.app_id
          AND h.device_id = l.device_id AND h.state IN ('RESERVED', 'VALID')))
      ORDER BY l.license_id`.execute(db)
    const licenseIds = rows.map((row) => row.license_id)
    const { renewed, wishes } = await renewLicenses(db, { ...context, db }, { licenseIds, orderId, keys })
    if (wishes > 0) context.afterCommit(wake)
    return renewed
  })
}
