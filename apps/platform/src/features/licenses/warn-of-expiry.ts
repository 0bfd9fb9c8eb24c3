import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'

const batchSize = 2000

/**
 * Tells of every license that comes near its end: one `license.expiring` for each license and threshold (in days), the
 * nearest one only when several have passed unheard. A threshold longer than the license's own term says nothing.
 * One statement, so that of several processes one tells; gives the number told.
 */
export async function warnOfExpiry(db: Database, warnDays: readonly number[]): Promise<number> {
  if (warnDays.length === 0) return 0
  for (let told = 0; ; ) {
    const warned = await warnBatch(db, warnDays)
    told += warned
    if (warned < batchSize) return told
  }
}

async function warnBatch(db: Database, warnDays: readonly number[]): Promise<number> {
  const { rows } = await sql<{ license_id: string }>`
    WITH due AS (
      SELECT l.license_id, t.days FROM license l
      CROSS JOIN LATERAL (SELECT min(days) AS days FROM unnest(${warnDays}::int[]) AS days
        WHERE l.valid_until <= now() + days * interval '1 day'
          AND l.valid_until - days * interval '1 day' > coalesce(l.renewed_at, l.issued_at)) t
      WHERE l.state = 'VALID' AND l.valid_until > now() AND l.valid_until <= now() + ${Math.max(...warnDays)} * interval '1 day'
        AND t.days IS NOT NULL AND (l.warned_days IS NULL OR l.warned_days > t.days)
      ORDER BY l.valid_until LIMIT ${batchSize} FOR UPDATE OF l SKIP LOCKED
    ), warned AS (
      UPDATE license l SET warned_days = due.days FROM due WHERE l.license_id = due.license_id
      RETURNING l.license_id, l.account_id, l.device_id, l.app_id, l.order_id, l.license_type, l.valid_until, due.days
    ), told AS (
      INSERT INTO event (account_id, type, actor_kind, device_id, app_id, license_id, order_id, project_ids, data)
      SELECT w.account_id, 'license.expiring', 'platform', w.device_id, w.app_id, w.license_id, w.order_id, d.project_ids,
        jsonb_build_object('days', w.days, 'licenseType', w.license_type, 'validUntil', rfc3339(w.valid_until))
      FROM warned w LEFT JOIN device d ON d.account_id = w.account_id AND d.device_id = w.device_id
    )
    SELECT license_id FROM warned`.execute(db)
  return rows.length
}
