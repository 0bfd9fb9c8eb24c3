import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { byPlatform } from '../../platform/events/emit.ts'
import { markAway } from '../gateways/mark-away.ts'
import { heartbeatSeconds } from './session-store.ts'

const missedHeartbeats = 3

/** Gateways that missed three heartbeats become away, by the database's clock. Gives their ids. */
export async function sweepSilent(db: Database): Promise<string[]> {
  const { rows } = await sql<{ gatewayId: string; connectionId: string | null }>`
    SELECT gateway_id AS "gatewayId", connection_id AS "connectionId" FROM gateway
    WHERE connected AND last_message_at < now() - make_interval(secs => ${heartbeatSeconds * missedHeartbeats})
    LIMIT 1000`.execute(db)
  return await markAway(db, byPlatform, rows)
}

/** Connected gateways that may not be: revoked through another process, or their account was suspended. */
export async function sweepRefused(db: Database): Promise<string[]> {
  const { rows } = await sql<{ gatewayId: string; connectionId: string | null }>`
    SELECT g.gateway_id AS "gatewayId", g.connection_id AS "connectionId" FROM gateway g
    JOIN account a ON a.account_id = g.account_id
    WHERE (g.revoked_at > now() - interval '1 hour' OR (g.connected AND (g.revoked_at IS NOT NULL OR a.suspended_at IS NOT NULL)))`.execute(
    db,
  )
  await markAway(db, byPlatform, rows)
  return rows.map(({ gatewayId }) => gatewayId)
}
