import type { DownMessage, UpMessage } from '@ocelli/contract'
import { sql } from 'kysely'
import { maySpeak } from '../../platform/broker/may-speak.ts'
import type { Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { byPlatform, emitEvents } from '../../platform/events/emit.ts'
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

export interface Greeting {
  gatewayId: string
  hello: Hello
}

interface Begun {
  gatewayId: string
  accountId: string
  siteId: string
  session: number
  wasConnected: boolean
}

/**
 * Begins sessions, each gateway at most once, however many come back at once. Those without a welcome may not speak (revoked,
 * or their account is suspended). `others` is what further gateways of their sites are to be told now.
 */
export async function beginSessions(
  db: Database,
  greetings: Greeting[],
  nowMs: number,
): Promise<{ welcomes: Map<string, Welcome>; others: GatewayShare[] }> {
  return await inTransaction(db, async (transaction) => {
    const begun = await writeSessions(transaction, greetings)
    const gatewayIds = begun.map(({ gatewayId }) => gatewayId)
    const assignments = await readAssignments(transaction, gatewayIds)
    const siteIds = sql`SELECT site_id FROM gateway WHERE gateway_id = ANY(${gatewayIds}::uuid[])
      UNION SELECT site_id FROM (SELECT site_id, state FROM device WHERE gateway_id = ANY(${gatewayIds}::uuid[]) OFFSET 0) d
        WHERE d.state = 'CLAIMED'`
    const shares = await divideSites(transaction, { siteIds, nowMs, renewFor: new Set(gatewayIds) })
    const byGateway = Map.groupBy(shares, ({ gatewayId }) => gatewayId)
    const saidBy = new Map(greetings.map(({ gatewayId, hello }) => [gatewayId, hello]))
    const welcomes = begun.map(({ gatewayId, session }): [string, Welcome] => [
      gatewayId,
      {
        ...{ kind: 'welcome', connectionId: saidBy.get(gatewayId)?.connectionId ?? '', session, heartbeatSeconds },
        assignments: (assignments.get(gatewayId) ?? []).map(({ gatewayId: _, ...assignment }) => assignment),
        sites: (byGateway.get(gatewayId) ?? []).map(({ site }) => site),
      },
    ])
    const greeted = new Set(gatewayIds)
    return { welcomes: new Map(welcomes), others: shares.filter(({ gatewayId }) => !greeted.has(gatewayId)) }
  })
}

async function writeSessions(db: Database, greetings: Greeting[]): Promise<Begun[]> {
  const said = greetings.map(({ gatewayId, hello }) => {
    const { connectionId, confirmsShares = false, setsPasswords = false, version, sealingKey } = hello
    return { gatewayId, connectionId, confirmsShares, setsPasswords, version, sealingKey }
  })
  const { rows } = await sql<Begun & { version: string }>`
    WITH said AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(said)}::jsonb)
        AS s("gatewayId" uuid, "connectionId" text, "confirmsShares" boolean, "setsPasswords" boolean, version text,
          "sealingKey" jsonb)),
    before AS (
      SELECT g.gateway_id, g.connected FROM gateway g
      WHERE g.gateway_id = ANY(${said.map(({ gatewayId }) => gatewayId)}::uuid[]) AND ${maySpeak}
      ORDER BY g.gateway_id FOR NO KEY UPDATE OF g)
    UPDATE gateway g SET session = nextval('gateway_session'), connection_id = said."connectionId", connected = true,
      away_at = NULL, confirms_shares = said."confirmsShares", version = said.version, last_message_at = now(),
      sealing_key = coalesce(said."sealingKey", g.sealing_key), sets_passwords = said."setsPasswords"
    FROM before JOIN said ON said."gatewayId" = before.gateway_id WHERE g.gateway_id = before.gateway_id
    RETURNING g.gateway_id AS "gatewayId", g.account_id AS "accountId", g.site_id AS "siteId", g.session, g.version,
      before.connected AS "wasConnected"`.execute(db)
  const events = rows
    .filter(({ wasConnected }) => !wasConnected)
    .map(({ gatewayId, accountId, siteId, version, session }) => {
      const origin = { actor: { kind: 'gateway' as const, id: gatewayId }, requestId: null }
      return { type: 'gateway.connected' as const, accountId, origin, data: { gatewayId, siteId, version, session } }
    })
  await emitEvents(db, byPlatform, events)
  return rows
}

type Assignment = Welcome['assignments'][number] & { gatewayId: string }

async function readAssignments(db: Database, gatewayIds: string[]): Promise<Map<string, Assignment[]>> {
  const { rows } = await sql<Assignment>`
    SELECT d.gateway_id AS "gatewayId", d.device_id AS "deviceId", d.assignment, c.revision
    -- from the gateways to their own devices, one look into an index for each: see readSharers
    FROM (SELECT * FROM device o WHERE o.gateway_id = ANY(${gatewayIds}::uuid[]) OFFSET 0) d
    CROSS JOIN LATERAL (SELECT o.revision FROM device_channel o WHERE o.account_id = d.account_id AND o.device_id = d.device_id OFFSET 0) c
    WHERE d.state = 'CLAIMED' AND d.account_id = (SELECT g.account_id FROM gateway g WHERE g.gateway_id = d.gateway_id)
    ORDER BY d.gateway_id, d.device_id`.execute(db)
  return Map.groupBy(rows, ({ gatewayId }) => gatewayId)
}

/** The present sessions of gateways that may speak. */
export async function readSessions(db: Database, gatewayIds: string[]): Promise<Map<string, PresentSession>> {
  const { rows } = await sql<PresentSession>`
    SELECT g.gateway_id AS "gatewayId", g.account_id AS "accountId", g.session, g.connected
    FROM gateway g WHERE g.gateway_id = ANY(${gatewayIds}::uuid[]) AND ${maySpeak}`.execute(db)
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
    -- named twice, so that a few beats look up a few gateways: a record set counts as a hundred rows
    WHERE g.gateway_id = b."gatewayId" AND g.gateway_id = ANY(${beats.map(({ gatewayId }) => gatewayId)}::uuid[])
      AND g.connection_id = b."connectionId" AND g.session = b.session AND g.connected AND g.revoked_at IS NULL
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
    -- OFFSET 0: one look into an index for each
    WHERE NOT EXISTS (SELECT 1 FROM device d WHERE d.gateway_id = s."gatewayId" AND d.device_id = s."deviceId"
      AND d.state = 'CLAIMED' OFFSET 0)`.execute(db)
  return rows
}
