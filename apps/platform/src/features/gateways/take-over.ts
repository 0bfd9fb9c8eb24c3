import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { type EventOrigin, emitEvents } from '../../platform/events/emit.ts'
import { markAway } from './mark-away.ts'

/**
 * All devices of a gateway go to another one of its site, with a higher assignment each, so that nothing the old one still
 * says or does about them counts; the old one is revoked. Camera passwords do not travel: they lay in the old folder; `ocelli gateways reseal` brings them.
 */
export async function takeOver(
  db: DatabaseTransaction,
  origin: EventOrigin,
  { accountId, from, to }: { accountId: string; from: string; to: string },
): Promise<void> {
  await markAway(db, origin, [{ gatewayId: from, connectionId: null }])
  const { kind, id } = origin.actor
  await sql`
    WITH theirs AS MATERIALIZED (
      SELECT device_id FROM device WHERE account_id = ${accountId} AND gateway_id = ${from} ORDER BY device_id FOR UPDATE),
    moved AS (
      UPDATE device d SET gateway_id = ${to}, assignment = d.assignment + 1,
        connectivity = CASE d.state WHEN 'CLAIMED' THEN 'UNKNOWN' ELSE d.connectivity END,
        connectivity_reason = CASE d.state WHEN 'CLAIMED' THEN 'gateway-away' ELSE d.connectivity_reason END,
        connectivity_detail = NULL, replacement = NULL, updated_at = now()
      FROM theirs WHERE d.account_id = ${accountId} AND d.device_id = theirs.device_id
      RETURNING d.device_id, d.project_ids),
    raised AS (
      UPDATE device_channel c SET revision = c.revision + 1 FROM theirs
      WHERE c.account_id = ${accountId} AND c.device_id = theirs.device_id)
    INSERT INTO event (account_id, type, actor_kind, actor_id, request_id, device_id, project_ids, data)
    SELECT ${accountId}, 'device.moved', ${kind}, ${id}, ${origin.requestId}, device_id, project_ids,
      jsonb_build_object('from', ${from}::text, 'to', ${to}::text) FROM moved`.execute(db)
  const { rows } = await sql<{ name: string; siteId: string }>`
    UPDATE gateway SET revoked_at = now() WHERE account_id = ${accountId} AND gateway_id = ${from} AND revoked_at IS NULL
    RETURNING name, site_id AS "siteId"`.execute(db)
  const events = rows.map(({ name, siteId }) => ({
    ...{ type: 'gateway.revoked' as const, accountId, data: { gatewayId: from, name, siteId, replacedBy: to } },
  }))
  await emitEvents(db, origin, events)
}
