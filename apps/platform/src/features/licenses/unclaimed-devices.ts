import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'

export interface LicensedDevice {
  deviceId: string
  architecture?: string | null
  platformLevel?: number | null
  appFormats?: readonly string[]
}

/**
 * Lists devices that hold a license now: those never seen become UNCLAIMED, with what is said of them. The rows stay
 * locked until the licenses are committed, so that nobody takes one off the list in between.
 */
export async function showLicensed(
  db: DatabaseTransaction,
  { accountId, devices }: { accountId: string; devices: LicensedDevice[] },
): Promise<void> {
  const rows = [...new Map(devices.map((device) => [device.deviceId, device])).values()]
  await sql`INSERT INTO device AS d (account_id, device_id, state, architecture, platform_level, app_formats)
    SELECT ${accountId}::uuid, "deviceId", 'UNCLAIMED', architecture, "platformLevel",
      ARRAY(SELECT jsonb_array_elements_text(coalesce("appFormats", '[]')))
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS r("deviceId" text, architecture text, "platformLevel" integer, "appFormats" jsonb)
    ORDER BY "deviceId" COLLATE "C"
    -- locks the row and leaves it as it is
    ON CONFLICT (account_id, device_id) DO UPDATE SET state = d.state WHERE false`.execute(db)
}

/**
 * Takes devices off the list that were never claimed and hold no license any more. Locked by one statement and judged by
 * the next, whose snapshot sees the licenses that were committed while it waited.
 */
export async function forgetUnlicensed(
  db: DatabaseTransaction,
  { accountId, deviceIds }: { accountId: string; deviceIds: string[] },
): Promise<void> {
  const { rows } = await sql<{ device_id: string }>`SELECT device_id FROM device
    WHERE account_id = ${accountId} AND device_id = ANY(${deviceIds}::text[]) AND state = 'UNCLAIMED'
    ORDER BY device_id FOR UPDATE`.execute(db)
  const ids = rows.map((row) => row.device_id)
  await sql`DELETE FROM device d WHERE d.account_id = ${accountId} AND d.device_id = ANY(${ids}::text[])
    AND NOT EXISTS (SELECT 1 FROM license l WHERE l.account_id = d.account_id AND l.device_id = d.device_id
      AND l.state IN ('RESERVED', 'VALID'))`.execute(db)
}
