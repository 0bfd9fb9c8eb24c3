import type { DownMessage, UpMessage } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { divideSites, type GatewayShare } from '../sites/share-store.ts'

export const heartbeatSeconds = 30

type Hello = Extract<UpMessage, { kind: 'hello' }>
type Welcome = Extract<DownMessage, { kind: 'welcome' }>

/** What a gateway is to the platform right now. */
export interface PresentSession {
  gatewayId: string
  accountId: string
  session: number
  connected: boolean
}

/**
 * Begins a session; null for a gateway that may not speak (revoked, or its account is suspended). `others` is what gateways
 * that share its sites are to be told now.
 */
export async function beginSession(
  db: Database,
  gatewayId: string,
  { hello, nowMs }: { hello: Hello; nowMs: number },
): Promise<{ welcome: Welcome; others: GatewayShare[] } | null> {
  return await inTransaction(db, async (transaction) => {
    const { rows } = await sql<{ account_id: string; site_id: string; session: number; was_connected: boolean }>`
      WITH before AS (
        SELECT g.gateway_id, g.connected FROM gateway g JOIN account a ON a.account_id = g.account_id
        WHERE g.gateway_id = ${gatewayId} AND g.revoked_at IS NULL AND a.suspended_at IS NULL FOR NO KEY UPDATE OF g)
      UPDATE gateway g SET session = nextval('gateway_session'), connection_id = ${hello.connectionId}, connected = true,
        away_at = NULL, confirms_shares = ${hello.confirmsShares ?? false}, version = ${hello.version}, last_message_at = now(),
        sealing_key = coalesce(${hello.sealingKey ? JSON.stringify(hello.sealingKey) : null}::jsonb, g.sealing_key)
      FROM before WHERE g.gateway_id = before.gateway_id
      RETURNING g.account_id, g.site_id, g.session, before.connected AS was_connected`.execute(transaction)
    const [gateway] = rows
    if (!gateway) return null
    const { account_id: accountId, site_id: siteId, session } = gateway
    if (!gateway.was_connected) {
      const origin = { actor: { kind: 'gateway' as const, id: gatewayId }, requestId: null }
      const data = { gatewayId, siteId, version: hello.version, session }
      await emitEvents(transaction, origin, [{ type: 'gateway.connected', accountId, data }])
    }
    const assignments = await transaction
      .selectFrom('device')
      .select(['device_id as deviceId', 'assignment', 'revision'])
      .where('gateway_id', '=', gatewayId)
      .where('account_id', '=', accountId)
      .where('state', '=', 'CLAIMED')
      .orderBy('device_id')
      .execute()
    const siteIds = sql`SELECT site_id FROM gateway WHERE gateway_id = ${gatewayId}
      UNION SELECT site_id FROM device WHERE gateway_id = ${gatewayId} AND state = 'CLAIMED'`
    const shares = await divideSites(transaction, { siteIds, nowMs, renewFor: gatewayId })
    const { connectionId } = hello
    const sites = shares.filter((share) => share.gatewayId === gatewayId).map(({ site }) => site)
    const welcome: Welcome = { kind: 'welcome', connectionId, session, heartbeatSeconds, assignments, sites }
    return { welcome, others: shares.filter((share) => share.gatewayId !== gatewayId) }
  })
}

/** The present sessions of gateways that may speak. */
export async function readSessions(db: Database, gatewayIds: string[]): Promise<Map<string, PresentSession>> {
  const { rows } = await sql<PresentSession>`
    SELECT g.gateway_id AS "gatewayId", g.account_id AS "accountId", g.session, g.connected
    FROM gateway g JOIN account a ON a.account_id = g.account_id
    WHERE g.gateway_id = ANY(${gatewayIds}::uuid[]) AND g.revoked_at IS NULL AND a.suspended_at IS NULL`.execute(db)
  return new Map(rows.map((row) => [row.gatewayId, row]))
}

/** Notes signs of life. Gives the gateways whose connection and session are the present ones. */
export async function noteHeartbeats(
  db: Database,
  beats: { gatewayId: string; connectionId: string; session: number }[],
): Promise<Set<string>> {
  const { rows } = await sql<{ gateway_id: string }>`
    UPDATE gateway g SET last_message_at = now()
    FROM jsonb_to_recordset(${JSON.stringify(beats)}::jsonb) AS b("gatewayId" uuid, "connectionId" text, session bigint)
    WHERE g.gateway_id = b."gatewayId" AND g.connection_id = b."connectionId" AND g.session = b.session AND g.connected
      AND g.revoked_at IS NULL
    RETURNING g.gateway_id`.execute(db)
  return new Set(rows.map((row) => row.gateway_id))
}

/** Of the devices that gateways speak of, those that are not theirs (any more). */
export async function readForeignDevices(
  db: Database,
  said: { gatewayId: string; deviceId: string }[],
): Promise<{ gatewayId: string; deviceId: string }[]> {
  if (said.length === 0) return []
  const { rows } = await sql<{ gatewayId: string; deviceId: string }>`
    SELECT s."gatewayId", s."deviceId"
    FROM jsonb_to_recordset(${JSON.stringify(said)}::jsonb) AS s("gatewayId" uuid, "deviceId" text)
    WHERE NOT EXISTS (SELECT 1 FROM device d WHERE d.gateway_id = s."gatewayId" AND d.device_id = s."deviceId"
      AND d.state = 'CLAIMED')`.execute(db)
  return rows
}
