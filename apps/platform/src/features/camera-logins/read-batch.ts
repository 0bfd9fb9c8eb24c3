import type { CameraLogin, CameraLoginBatch } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import { notFound } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'

/** Cameras that have become devices outside the caller's projects are left out, unless the caller asked for them itself. */
export async function readBatch(
  { db, caller }: Context,
  { gatewayId, batchId, kind }: { gatewayId: string; batchId: string; kind: CameraLoginBatch['kind'] },
): Promise<CameraLoginBatch> {
  const { rows } = await sql<CameraLogin & { createdAt: string }>`
    SELECT l.login_id AS "loginId", l.state, l.address, l.device_id AS "deviceId", l.error, l.updated_at AS "updatedAt",
      l.created_at AS "createdAt"
    FROM camera_login l LEFT JOIN device d ON d.account_id = l.account_id AND d.device_id = l.device_id
    WHERE l.batch_id = ${batchId} AND l.account_id = ${caller.accountId} AND l.gateway_id = ${gatewayId} AND l.kind = ${kind}
      AND (l.requested_by = ${caller.id} OR ${seesProjects(caller, sql.ref('d.project_ids'))})
    ORDER BY l.position`.execute(db)
  const [first] = rows
  if (!first) throw notFound(`The batch ${batchId}`)
  const items = rows.map(({ createdAt: _, ...item }): CameraLogin => item)
  const count = (...states: CameraLogin['state'][]) => items.filter(({ state }) => states.includes(state)).length
  const counters = {
    total: items.length,
    pending: count('PENDING'),
    sent: count('SENT'),
    unknown: count('UNKNOWN'),
    done: count('CLAIMED', 'CHANGED'),
    failed: count('FAILED'),
  }
  const settled = counters.pending + counters.sent + counters.unknown === 0
  return { batchId, gatewayId, kind, createdAt: first.createdAt, settled, counters, items }
}
