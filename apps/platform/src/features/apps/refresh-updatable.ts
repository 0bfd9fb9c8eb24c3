import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { packageFitsDevice } from './fitting-package.ts'

/**
 * Brings `installation.updatable` and `device.apps_update_possible` up to date: after a version of an app was published
 * or withdrawn, or after facts or installed versions of devices have changed. One statement; rows already right are not
 * written. The condition stands in the UPDATE itself, so that a row changed meanwhile is judged as it now is.
 */
export async function refreshUpdatable(
  db: Database,
  scope: { appId: string } | { accountId: string; deviceIds: readonly string[] },
): Promise<void> {
  const devices =
    'appId' in scope
      ? sql`(d.account_id, d.device_id) IN (SELECT account_id, device_id FROM changed)`
      : sql`d.account_id = ${scope.accountId} AND d.device_id = ANY(${scope.deviceIds}::text[])`
  const installations =
    'appId' in scope
      ? sql`i.app_id = ${scope.appId} AND i.managed`
      : // the devices too, or a plan of few rows reads them all to join them
        sql`i.account_id = ${scope.accountId} AND i.device_id = ANY(${scope.deviceIds}::text[]) AND ${devices}`
  const updatable = sql`(i.managed AND i.present AND i.installed_version_code IS NOT NULL AND EXISTS (
    SELECT 1 FROM app_version v JOIN app_package p ON p.app_id = v.app_id AND p.version_code = v.version_code
    WHERE v.app_id = i.app_id AND v.version_code > i.installed_version_code AND v.withdrawn_at IS NULL AND ${packageFitsDevice}))`
  await sql`
    WITH changed AS (
      UPDATE installation i SET updatable = ${updatable}, updated_at = now()
      FROM device d
      WHERE d.account_id = i.account_id AND d.device_id = i.device_id AND ${installations} AND i.updatable <> ${updatable}
      RETURNING i.account_id, i.device_id, i.app_id, i.updatable
    ), judged AS (
      SELECT d.account_id, d.device_id, coalesce(c.any_updatable, false) OR EXISTS (
        SELECT 1 FROM installation i
        WHERE i.account_id = d.account_id AND i.device_id = d.device_id AND i.updatable
          AND i.app_id <> ALL(coalesce(c.app_ids, '{}'))) AS possible
      FROM device d LEFT JOIN (
        SELECT account_id, device_id, bool_or(updatable) AS any_updatable, array_agg(app_id) AS app_ids
        FROM changed GROUP BY account_id, device_id) c ON c.account_id = d.account_id AND c.device_id = d.device_id
      WHERE ${devices}
    )
    UPDATE device d SET apps_update_possible = j.possible, updated_at = now()
    FROM judged j
    WHERE d.account_id = j.account_id AND d.device_id = j.device_id AND d.apps_update_possible <> j.possible`.execute(
    db,
  )
}
