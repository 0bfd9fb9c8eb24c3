import type { DesiredDevice } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'

/**
 * Whole desired state of devices, as the gateway is sent it. A failed first install is still being cleaned away
 * (presence ABSENT behind INSTALLATION_FAILED), so that entry is not settled for the gateway though it is for the API.
 */
export async function readDesired(
  db: Database,
  devices: { accountId: string; deviceId: string }[],
): Promise<DesiredDevice[]> {
  if (devices.length === 0) return []
  const { rows } = await sql<{ desired: DesiredDevice }>`
    SELECT json_build_object('deviceId', d.device_id, 'assignment', d.assignment, 'revision', c.revision, 'siteId', d.site_id,
      'apps', coalesce((SELECT json_agg(json_build_object(
          'appId', i.app_id, 'revision', i.revision, 'presence', i.presence,
          'package', CASE WHEN p.package_id IS NULL THEN NULL ELSE json_build_object('packageId', p.package_id, 'format', p.format,
             'version', v.version, 'versionCode', p.version_code, 'size', p.size, 'sha256', p.sha256) END,
          'running', i.desired_running_state,
          'license', CASE WHEN l.license_id IS NULL THEN NULL
             ELSE json_build_object('licenseId', l.license_id, 'licenseType', l.license_type, 'renewal', l.renewal) END,
          'allowDowngrade', i.allow_downgrade,
          'settled', i.settled AND NOT (i.presence = 'ABSENT' AND i.installation_state = 'INSTALLATION_FAILED')))
        FROM installation i
        LEFT JOIN app_package p ON p.package_id = i.package_id
        LEFT JOIN app_version v ON v.app_id = p.app_id AND v.version_code = p.version_code
        LEFT JOIN license l ON l.license_id = i.license_id AND l.state IN ('RESERVED', 'VALID')
        WHERE i.account_id = d.account_id AND i.device_id = d.device_id AND i.presence IS NOT NULL), '[]')) AS desired
    FROM jsonb_to_recordset(${JSON.stringify(devices)}::jsonb) AS wanted("accountId" uuid, "deviceId" text)
    -- OFFSET 0: looks into indexes, one for each, whatever the planner knows of the tables
    CROSS JOIN LATERAL (SELECT * FROM device o WHERE o.account_id = wanted."accountId" AND o.device_id = wanted."deviceId" OFFSET 0) d
    CROSS JOIN LATERAL (SELECT o.revision FROM device_channel o
      WHERE o.account_id = wanted."accountId" AND o.device_id = wanted."deviceId" OFFSET 0) c
    WHERE d.state = 'CLAIMED'`.execute(db)
  return rows.map((row) => row.desired)
}
