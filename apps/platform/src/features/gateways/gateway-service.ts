import type { Gateway } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { markAway } from './mark-away.ts'

export async function listGateways(context: Context): Promise<Gateway[]> {
  return await select(context, null)
}

export async function readGateway(context: Context, gatewayId: string): Promise<Gateway> {
  const [gateway] = await select(context, gatewayId)
  if (!gateway) throw notFound(`The gateway ${gatewayId}`)
  return gateway
}

async function select({ db, caller }: Context, gatewayId: string | null): Promise<Gateway[]> {
  const { rows } = await sql<Gateway>`
    SELECT g.gateway_id AS "gatewayId", g.site_id AS "siteId", g.name, g.connected, g.version,
      g.last_message_at AS "lastMessageAt", g.certificate_expires_at AS "certificateExpiresAt",
      g.revoked_at AS "revokedAt", g.sealing_key AS "sealingKey", g.sets_passwords AS "setsPasswords", g.created_at AS "createdAt",
      (SELECT count(*)::int FROM device d WHERE d.gateway_id = g.gateway_id AND d.account_id = g.account_id
         AND d.state = 'CLAIMED' AND ${seesProjects(caller, sql.ref('d.project_ids'))}) AS "deviceCount"
    FROM gateway g
    WHERE g.account_id = ${caller.accountId} AND (${gatewayId}::uuid IS NULL OR g.gateway_id = ${gatewayId}::uuid)
    ORDER BY g.name, g.gateway_id`.execute(db)
  return rows
}

/**
 * Whoever takes a gateway away or puts a machine in its place decides about all of its devices. Refuses a caller who does not see them all.
 * Throws ProblemError `permission-missing`.
 */
export async function requireWholeGateway({ db, caller }: Context, gatewayId: string): Promise<void> {
  const { rows } =
    await sql`SELECT 1 FROM device d WHERE d.account_id = ${caller.accountId} AND d.gateway_id = ${gatewayId}
    AND NOT ${seesProjects(caller, sql.ref('d.project_ids'))} LIMIT 1`.execute(db)
  if (rows.length === 0) return
  throw new ProblemError(
    'permission-missing',
    'This gateway has devices outside your projects. Only who sees all of them may do this: ask somebody with projects:manage.',
    { requiredPermission: 'projects:manage' },
  )
}

/** It is refused from now on, its connection ends, and nobody knows about its devices until they have another gateway. */
export async function revokeGateway(
  context: Context,
  gatewayId: string,
  { disconnect }: { disconnect: (gatewayId: string) => void },
): Promise<void> {
  const { db, caller, origin, afterCommit } = context
  const gateway = await readGateway(context, gatewayId)
  if (gateway.revokedAt !== null) return
  await requireWholeGateway(context, gatewayId)
  await inTransaction(db, async (transaction) => {
    const { numUpdatedRows } = await transaction
      .updateTable('gateway')
      .set({ revoked_at: sql`now()` })
      .where('account_id', '=', caller.accountId)
      .where('gateway_id', '=', gatewayId)
      .where('revoked_at', 'is', null)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return
    await markAway(transaction, origin, [{ gatewayId, connectionId: null }])
    const data = { gatewayId, name: gateway.name, siteId: gateway.siteId }
    await emitEvents(transaction, origin, [{ type: 'gateway.revoked', accountId: caller.accountId, data }])
  })
  afterCommit(() => disconnect(gatewayId))
}
