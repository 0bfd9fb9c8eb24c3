import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import type { EventOrigin } from '../../platform/events/emit.ts'

/**
 * Says of connected gateways that they are away, and of their devices that nobody knows (UNKNOWN, `gateway-away`), with
 * the events, in one statement. `connectionId` null: whatever connection they have. Gives those that were connected.
 */
export async function markAway(
  db: Database,
  origin: EventOrigin,
  gateways: { gatewayId: string; connectionId: string | null }[],
): Promise<string[]> {
  if (gateways.length === 0) return []
  const { kind, id } = origin.actor
  const { rows } = await sql<{ gateway_id: string }>`
    WITH away AS (
      UPDATE gateway g SET connected = false, away_at = now()
      FROM jsonb_to_recordset(${JSON.stringify(gateways)}::jsonb) AS gone("gatewayId" uuid, "connectionId" text)
      -- named twice, so that a few are looked up in the index: a record set counts as a hundred rows
      WHERE g.gateway_id = gone."gatewayId" AND g.gateway_id = ANY(${gateways.map(({ gatewayId }) => gatewayId)}::uuid[]) AND g.connected
        AND (gone."connectionId" IS NULL OR g.connection_id = gone."connectionId")
      RETURNING g.gateway_id, g.account_id, g.site_id),
    known AS MATERIALIZED (
      SELECT d.account_id, d.device_id, d.gateway_id, d.connectivity FROM away
      JOIN device d ON d.gateway_id = away.gateway_id AND d.account_id = away.account_id
      WHERE d.state = 'CLAIMED' AND d.connectivity <> 'UNKNOWN'
      ORDER BY d.account_id, d.device_id FOR NO KEY UPDATE OF d),
    changed AS (
      UPDATE device d SET connectivity = 'UNKNOWN', connectivity_reason = 'gateway-away', connectivity_detail = NULL,
        updated_at = now()
      FROM known WHERE d.account_id = known.account_id AND d.device_id = known.device_id
      RETURNING d.account_id, d.device_id, d.gateway_id, d.project_ids, known.connectivity AS before),
    told AS (
      INSERT INTO event (account_id, type, actor_kind, actor_id, request_id, device_id, project_ids, data)
      SELECT account_id, 'gateway.disconnected', ${kind}, ${id}, ${origin.requestId}, NULL, NULL,
        jsonb_build_object('gatewayId', gateway_id, 'siteId', site_id) FROM away
      UNION ALL
      SELECT account_id, 'device.connectivity-changed', ${kind}, ${id}, ${origin.requestId}, device_id, project_ids,
        jsonb_build_object('from', before, 'to', 'UNKNOWN', 'reason', 'gateway-away', 'detail', NULL, 'gatewayId', gateway_id)
      FROM changed)
    SELECT gateway_id FROM away`.execute(db)
  return rows.map((row) => row.gateway_id)
}
