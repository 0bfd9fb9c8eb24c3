import type { RecoveryCopy } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import type { Context } from '../../platform/http/route.ts'
import { readGateway } from '../gateways/gateway-service.ts'

const pageSize = 500

/** Of devices that are claimed now; ordered by deviceId, those after `cursor`. */
export async function listRecoveryCopies(
  context: Context,
  gatewayId: string,
  cursor: string,
): Promise<{ items: RecoveryCopy[]; nextCursor: string | null }> {
  const { db, caller } = context
  await readGateway(context, gatewayId)
  const { rows: items } = await sql<RecoveryCopy>`
    SELECT r.device_id AS "deviceId", d.address, d.site_id AS "siteId", r.place, r.sealed, r.updated_at AS "updatedAt"
    FROM camera_recovery r JOIN device d ON d.account_id = r.account_id AND d.device_id = r.device_id
    WHERE r.account_id = ${caller.accountId} AND d.gateway_id = ${gatewayId} AND d.state = 'CLAIMED'
      AND r.device_id > ${cursor} AND ${seesProjects(caller, sql.ref('d.project_ids'))}
    ORDER BY r.device_id LIMIT ${pageSize}`.execute(db)
  return { items, nextCursor: items.length < pageSize ? null : (items.at(-1)?.deviceId ?? null) }
}
