import type { RecoveryCopy } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import type { Context } from '../../platform/http/route.ts'
import { readGateway } from '../gateways/gateway-service.ts'

const pageSize = 500

/**
 * Of devices that are claimed now; ordered by deviceId, those after `cursor`. New passwords that may count already are among them; the
 * copies of one device stand on one page.
 */
export async function listRecoveryCopies(
  context: Context,
  gatewayId: string,
  cursor: string,
): Promise<{ items: RecoveryCopy[]; nextCursor: string | null }> {
  const { db, caller } = context
  await readGateway(context, gatewayId)
  const { rows: items } = await sql<RecoveryCopy>`
    WITH copy AS (
      SELECT r.device_id, true AS is_proved, r.place, r.sealed, r.updated_at FROM camera_recovery r
      WHERE r.account_id = ${caller.accountId} AND r.device_id > ${cursor}
      UNION ALL
      SELECT l.device_id, false, l.device_id, l.sealed_for_recovery, l.updated_at FROM camera_login l
      WHERE l.account_id = ${caller.accountId} AND l.device_id > ${cursor} AND l.kind = 'PASSWORD'
        AND l.state IN ('SENT', 'UNKNOWN')),
    page AS (
      SELECT d.device_id, d.address, d.site_id FROM device d
      WHERE d.account_id = ${caller.accountId} AND d.gateway_id = ${gatewayId} AND d.state = 'CLAIMED'
        AND d.device_id > ${cursor} AND ${seesProjects(caller, sql.ref('d.project_ids'))}
        AND d.device_id IN (SELECT copy.device_id FROM copy)
      ORDER BY d.device_id LIMIT ${pageSize})
    SELECT copy.device_id AS "deviceId", page.address, page.site_id AS "siteId", copy.is_proved AS "isProved", copy.place,
      copy.sealed, copy.updated_at AS "updatedAt"
    FROM page JOIN copy USING (device_id) ORDER BY page.device_id, copy.is_proved DESC`.execute(db)
  const isLast = new Set(items.map(({ deviceId }) => deviceId)).size < pageSize
  return { items, nextCursor: isLast ? null : (items.at(-1)?.deviceId ?? null) }
}
