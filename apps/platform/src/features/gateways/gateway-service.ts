import type { EnrollmentToken, Gateway } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import { seesProjects } from '../../platform/auth/visibility.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { createEnrollmentToken } from '../sites/site-service.ts'
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
    WHERE g.account_id = ${caller.accountId} AND ${gatewayId === null ? sql`true` : sql`g.gateway_id = ${gatewayId}`}
    ORDER BY g.name, g.gateway_id`.execute(db)
  return rows
}

/**
 * Whoever takes a gateway away or puts a machine in its place decides about all of its devices. Refuses a caller who does not see
 * them all; who does keeps them in sight until the transaction ends. Throws ProblemError `permission-missing`.
 */
async function requireWholeGateway(transaction: DatabaseTransaction, caller: Caller, gatewayId: string): Promise<void> {
  if (caller.scope.all) return
  const { rows } = await sql`
    WITH theirs AS MATERIALIZED (
      SELECT d.project_ids FROM device d WHERE d.account_id = ${caller.accountId} AND d.gateway_id = ${gatewayId}
      ORDER BY d.device_id FOR NO KEY UPDATE)
    SELECT 1 FROM theirs WHERE NOT ${seesProjects(caller, sql.ref('theirs.project_ids'))} LIMIT 1`.execute(transaction)
  if (rows.length === 0) return
  throw new ProblemError(
    'permission-missing',
    'This gateway has devices outside your projects. Only who sees all of them may do this: ask somebody with projects:manage.',
    { requiredPermission: 'projects:manage' },
  )
}

/** An enrollment token for the machine that takes the place of this gateway, with all of its devices. */
export async function createReplacementToken(
  context: Context,
  gatewayId: string,
  { caFingerprint }: { caFingerprint: string },
): Promise<EnrollmentToken> {
  const { siteId } = await readGateway(context, gatewayId)
  return await inTransaction(context.db, async (db) => {
    await requireWholeGateway(db, context.caller, gatewayId)
    return await createEnrollmentToken({ ...context, db }, siteId, { caFingerprint, replaces: gatewayId })
  })
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
  await inTransaction(db, async (transaction) => {
    const { numUpdatedRows } = await transaction
      .updateTable('gateway')
      .set({ revoked_at: sql`now()` })
      .where('account_id', '=', caller.accountId)
      .where('gateway_id', '=', gatewayId)
      .where('revoked_at', 'is', null)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return
    await requireWholeGateway(transaction, caller, gatewayId)
    await markAway(transaction, origin, [{ gatewayId, connectionId: null }])
    const data = { gatewayId, name: gateway.name, siteId: gateway.siteId }
    await emitEvents(transaction, origin, [{ type: 'gateway.revoked', accountId: caller.accountId, data }])
  })
  afterCommit(() => disconnect(gatewayId))
}
