import type { LicenseType } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import type { EventOrigin } from '../../platform/events/emit.ts'

export interface UnitsWanted {
  accountId: string
  appId: string
  licenseType: LicenseType
  /** Null: any confirmed order with free units, the one that ends last first. */
  orderId: string | null
  /** Rows (device_id, license_id, n) with n from 1 without gaps. */
  devices: RawBuilder<unknown>
  /** Tell which device got which license; costly for a whole fleet, which knows its ids. */
  names: boolean
}

/**
 * Reserves a unit for each device by one INSERT ... SELECT, as many as are free. A device that has come to hold such a
 * license meanwhile takes none. The CHECK on the order breaks the statement when units went to somebody else meanwhile.
 */
export async function reserveUnits(
  db: DatabaseTransaction,
  { accountId, appId, licenseType, orderId, devices, names }: UnitsWanted,
  origin: EventOrigin,
): Promise<{ wanted: number; free: number; made: Map<string, string> }> {
  const { rows } = await sql<{ wanted: number; free: number; made: Record<string, string> }>`
    WITH line AS MATERIALIZED (
      SELECT o.order_id, o.total - o.used AS free,
        sum(o.total - o.used) OVER (ORDER BY o.valid_until DESC NULLS FIRST, o.order_id) AS upto
      FROM app_order o
      WHERE o.account_id = ${accountId} AND o.app_id = ${appId} AND o.license_type = ${licenseType} AND o.state = 'CONFIRMED'
        AND o.used < o.total AND (o.valid_until IS NULL OR o.valid_until > now()) AND (${orderId}::uuid IS NULL OR o.order_id = ${orderId}::uuid)
    ), wanted AS MATERIALIZED (${devices}
    ), made AS (
      INSERT INTO license (license_id, account_id, app_id, device_id, license_type, order_id, state)
      SELECT w.license_id, ${accountId}, ${appId}, w.device_id, ${licenseType}, l.order_id, 'RESERVED'
      FROM wanted w JOIN line l ON w.n > l.upto - l.free AND w.n <= l.upto
      ON CONFLICT (account_id, app_id, device_id, license_type) WHERE state IN ('RESERVED', 'VALID') AND issuer = 'PLATFORM' DO NOTHING
      RETURNING license_id, device_id, order_id
    ), told AS (
      INSERT INTO event (account_id, type, actor_kind, actor_id, device_id, app_id, license_id, order_id, project_ids, request_id, data)
      SELECT ${accountId}, 'license.reserved', ${origin.actor.kind}, ${origin.actor.id}, m.device_id, ${appId}, m.license_id, m.order_id,
        d.project_ids, ${origin.requestId}, jsonb_build_object('licenseType', ${licenseType}::text)
      FROM made m JOIN device d ON d.account_id = ${accountId} AND d.device_id = m.device_id
    )
    SELECT (SELECT count(*)::int FROM wanted) AS wanted, (SELECT coalesce(max(upto), 0)::int FROM line) AS free,
      (SELECT coalesce(jsonb_object_agg(device_id, license_id), '{}') FROM made WHERE ${names}::boolean) AS made`.execute(
    db,
  )
  const row = rows[0]
  if (!row) throw new Error('A SELECT without FROM always gives one row.')
  return { ...row, made: new Map(Object.entries(row.made)) }
}
