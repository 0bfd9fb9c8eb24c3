import { createGatewayKey, type GatewayKey } from './gateway-key.ts'
import type { PlatformProcess } from './platform-process.ts'

export interface Fleet {
  accountId: string
  siteId: string
  gatewayId: string
  gatewayKey: GatewayKey
}

/** Every tenth device is of this model. */
export const filteredModel = 'Model 3'
export const deviceIdOf = (number: number): string => `CAM${String(number).padStart(9, '0')}`

/** One site, one gateway whose key is known here, and that many claimed devices, written by SQL. */
export async function makeFleet({ pool }: PlatformProcess, devices: number): Promise<Fleet> {
  const gatewayKey = createGatewayKey()
  const { rows } = await pool.query<Omit<Fleet, 'gatewayKey'>>(
    `WITH owner AS (SELECT account_id FROM account WHERE is_operator),
      site AS (INSERT INTO site (account_id, name) SELECT account_id, 'Bench' FROM owner RETURNING account_id, site_id)
    INSERT INTO gateway (account_id, site_id, name, public_key, certificate_serial, certificate_expires_at)
    SELECT account_id, site_id, 'Bench', $1, '01', now() + interval '1 year' FROM site
    RETURNING account_id AS "accountId", site_id AS "siteId", gateway_id AS "gatewayId"`,
    [gatewayKey.publicJwk],
  )
  const [row] = rows
  if (!row) throw new Error('The platform has no account.')
  await pool.query(
    `INSERT INTO device (account_id, device_id, state, name, manufacturer, model, serial_number, mac_address,
      firmware_version, architecture, platform_level, driver, app_formats, address, site_id, gateway_id, customer,
      location, tags, connectivity, last_seen_at, clock_offset_seconds, identity_source, assignment, claimed_at)
    SELECT $1, 'CAM' || lpad(n::text, 9, '0'), 'CLAIMED', 'Camera ' || n, 'Example', 'Model ' || n % 10,
      'SN' || n, 'AC:CC:8E:00:00:00', '9.80.1', 'arm64-v8a', 29, 'onvif', '{apk}', 'http://192.0.2.' || n % 250, $2, $3,
      'Customer ' || n % 100, 'Hall ' || n % 50, ARRAY['outdoor'], 'ONLINE', now(), 0, 'onvif:GetDeviceId', 1, now()
    FROM generate_series(1, $4::int) n`,
    [row.accountId, row.siteId, row.gatewayId, devices],
  )
  await pool.query('VACUUM ANALYZE')
  return { ...row, gatewayKey }
}
