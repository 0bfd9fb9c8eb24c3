import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Database } from '../src/platform/database/database.ts'
import { addOrder, publishApp } from './installation-fixture.ts'

/** One place of an account: a site with a gateway and a camera of its own, and what there is of each camera. */
export interface Place {
  siteId: string
  gatewayId: string
  deviceId: string
  licenseId: string
  projectId: string
  orderId: string
  loginId: string
}

export interface GrownAccount {
  accountId: string
  /** Installed on every camera, under a license each of one order. */
  appId: string
  places: Place[]
}

/** Fills an account at once with `count` places, as statistics do not know it yet. */
export async function growAccount(db: Database, accountId: string, count: number): Promise<GrownAccount> {
  const tag = randomUUID().slice(0, 8)
  const appId = `com.example.${tag}`
  await publishApp(db, { accountId, appId, versions: [1, 2] })
  const orderId = await addOrder(db, { accountId, appId, total: 2 * count })
  await addPlaces(db, { accountId, count, tag })
  await addCameras(db, { accountId, appId, orderId, tag })
  await addHistory(db, { accountId, appId, count, tag })
  const { rows: places } = await sql<Place>`
    SELECT d.site_id AS "siteId", d.gateway_id AS "gatewayId", d.device_id AS "deviceId", l.license_id AS "licenseId",
      p.project_id AS "projectId", o.order_id AS "orderId", c.login_id AS "loginId"
    FROM device d JOIN license l USING (account_id, device_id) JOIN project_device p USING (account_id, device_id)
    JOIN app_order o ON o.account_id = d.account_id AND o.reference = d.device_id
    JOIN camera_login c ON c.account_id = d.account_id AND c.device_id = d.device_id
    WHERE d.account_id = ${accountId} AND l.app_id = ${appId} ORDER BY md5(d.device_id)`.execute(db)
  return { accountId, appId, places }
}

async function addPlaces(
  db: Database,
  { accountId, count, tag }: { accountId: string; count: number; tag: string },
): Promise<void> {
  await sql`WITH place AS (
      INSERT INTO site (account_id, name) SELECT ${accountId}, 'Site ' || ${tag}::text || n FROM generate_series(1, ${count}::int) n
      RETURNING site_id, account_id, name)
    INSERT INTO gateway (account_id, site_id, name, public_key, certificate_serial, certificate_expires_at, session, connected,
      connection_id, confirms_shares, last_message_at)
    SELECT account_id, site_id, name, '{}', site_id, now() + interval '1 year', 1, true, 'c', true, now() FROM place`.execute(
    db,
  )
  await sql`INSERT INTO site_share (site_id, gateway_id, share, held, number, confirmed_number, told)
    SELECT site_id, gateway_id, 4, 4, 1, 1, '{}' FROM gateway WHERE account_id = ${accountId}`.execute(db)
  await sql`INSERT INTO project (account_id, name) SELECT ${accountId}, name FROM gateway WHERE account_id = ${accountId}`.execute(
    db,
  )
}

async function addCameras(
  db: Database,
  { accountId, appId, orderId, tag }: { accountId: string; appId: string; orderId: string; tag: string },
): Promise<void> {
  await sql`INSERT INTO device (account_id, device_id, state, site_id, gateway_id, assignment, connectivity, app_formats, claimed_at, driver,
      model, customer, tags)
    SELECT account_id, 'cam-' || name, 'CLAIMED', site_id, gateway_id, 1, 'ONLINE', '{apk}', now(), 'onvif', 'Model of ' || name, name, ARRAY[name]
    FROM gateway WHERE account_id = ${accountId} AND starts_with(name, ${`Site ${tag}`})`.execute(db)
  await sql`UPDATE device_channel SET revision = 5, sent_revision = 5, reported_revision = 5, sent_session = 1, sent_at = now()
    WHERE account_id = ${accountId}`.execute(db)
  await sql`INSERT INTO project_device SELECT d.account_id, p.project_id, d.device_id
    FROM device d JOIN project p ON p.account_id = d.account_id AND p.name = d.customer WHERE d.account_id = ${accountId}`.execute(
    db,
  )
  await sql`WITH license AS (
      INSERT INTO license (account_id, app_id, device_id, license_type, order_id, state, token, key_certificate, issued_at, valid_from)
      SELECT account_id, ${appId}, device_id, 'FULL', ${orderId}::uuid, 'VALID', 'token', 'certificate', now(), now()
      FROM device WHERE account_id = ${accountId} AND starts_with(device_id, ${`cam-Site ${tag}`}) RETURNING *)
    INSERT INTO installation (account_id, device_id, app_id, name, presence, package_id, desired_running_state, revision, license_id,
      installation_state, managed, present, installed_version, installed_version_code, running_state, updatable)
    SELECT account_id, device_id, ${appId}, 'App', 'PRESENT', (SELECT package_id FROM app_package
      WHERE app_id = ${appId} AND version_code = 1), 'NOT_RUNNING', 5, license_id, 'INSTALLED', true, true, '1.0.1', 1, 'NOT_RUNNING', true
    FROM license`.execute(db)
}

/** What has been said and done about each camera. */
async function addHistory(
  db: Database,
  { accountId, appId, count, tag }: { accountId: string; appId: string; count: number; tag: string },
): Promise<void> {
  const cameras = sql`device d WHERE d.account_id = ${accountId} AND starts_with(d.device_id, ${`cam-Site ${tag}`})`
  await sql`INSERT INTO app_order (account_id, app_id, license_type, total, state, reference)
    SELECT account_id, ${appId}, 'FULL', 1, 'PLACED', device_id FROM ${cameras}`.execute(db)
  await sql`INSERT INTO camera_login (batch_id, position, account_id, gateway_id, kind, requested_by, device_id, state, sealed, sent_at,
      sent_session, send_count)
    SELECT gen_random_uuid(), 0, account_id, gateway_id, 'CREDENTIALS', 'somebody', device_id, 'SENT', 'sealed', now(), 1, 10
    FROM ${cameras}`.execute(db)
  await sql`INSERT INTO event (account_id, type, actor_kind, device_id, app_id)
    SELECT account_id, 'installation.state-changed', 'platform', device_id, ${appId} FROM ${cameras}`.execute(db)
  await sql`INSERT INTO idempotency_key (scope_hash, request_hash, status, headers, body)
    SELECT ${tag}::text || n, 'request', 200, '{}', '{}' FROM generate_series(1, ${count}::int) n`.execute(db)
}
