import type { ClaimItem, ClaimResult } from '@ocelli/contract'
import { sql } from 'kysely'
import { brokenConstraint, type Database, isTransient } from '../../platform/database/database.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'

type Claim = ClaimItem & { siteId: string }
type Outcome = Omit<ClaimResult, 'result'> & { result: ClaimResult['result'] | 'unsure' }

const maxRounds = 6

/**
 * Claims cameras for the calling gateway's account: all of them by one statement. Who comes first has the camera, by the
 * unique index on claimed ids; what another statement decided meanwhile is looked at again with a fresh snapshot.
 */
export async function claimDevices(context: Context, items: ClaimItem[]): Promise<ClaimResult[]> {
  const { db } = context
  let open = [...new Map((await placed(context, items)).map((claim) => [claim.deviceId, claim])).values()]
  const results = new Map<string, ClaimResult>()
  for (let round = 1; open.length > 0; round++) {
    if (round > maxRounds) throw new ProblemError('unavailable', 'The claims are contended right now. Try again.')
    const outcomes = await attempt(db, context, open)
    for (const { deviceId, result, assignment } of outcomes) {
      if (result !== 'unsure') results.set(deviceId, { deviceId, result, assignment })
    }
    open = open.filter(({ deviceId }) => !results.has(deviceId))
  }
  return items.flatMap(({ deviceId }) => results.get(deviceId) ?? [])
}

/** Every camera lies at the gateway's own site unless it names another one of the same account. */
async function placed({ db, caller }: Context, items: ClaimItem[]): Promise<Claim[]> {
  const named = [...new Set(items.flatMap(({ siteId }) => siteId ?? []))]
  const { rows } = await sql<{ own: string; known: string[] }>`
    SELECT g.site_id AS own, ARRAY(SELECT named.id::text FROM unnest(${named}::uuid[]) AS named (id)
      WHERE EXISTS (SELECT 1 FROM site s WHERE s.account_id = g.account_id AND s.site_id = named.id OFFSET 0)) AS known
    FROM gateway g WHERE g.gateway_id = ${caller.id} AND g.account_id = ${caller.accountId}`.execute(db)
  const [row] = rows
  if (!row) throw new ProblemError('unauthenticated', 'This gateway is unknown.')
  const missing = named.find((siteId) => !row.known.includes(siteId.toLowerCase()))
  if (missing) throw notFound(`The site ${missing}`)
  return items.map((item) => ({ ...item, siteId: item.siteId ?? row.own }))
}

/** One round; a race that ended in a broken constraint or a deadlock leaves everything unsure. */
async function attempt(db: Database, context: Context, claims: Claim[]): Promise<Outcome[]> {
  try {
    return await claim(db, context, claims)
  } catch (error) {
    if (db.isTransaction) throw error
    if (brokenConstraint(error)?.constraint === 'device_claimed_once' || isTransient(error)) return []
    throw error
  }
}

async function claim(db: Database, { caller, origin }: Context, claims: Claim[]): Promise<Outcome[]> {
  const { accountId, id: gatewayId } = caller
  // by array, since a plan that joins the list as a table reads all devices where statistics are young
  const ids = claims.map(({ deviceId }) => deviceId)
  const { rows } = await sql<Outcome>`
    WITH item AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset(${toJson(claims)}::jsonb) AS i(device_id text, identity_source text, driver text,
        address text, name text, site_id uuid, manufacturer text, model text, serial_number text, mac_address text,
        firmware_version text, architecture text, platform_level integer, unsigned_apps boolean, app_formats jsonb)),
    gateway_now AS MATERIALIZED (SELECT connected FROM gateway WHERE gateway_id = ${gatewayId}),
    own AS MATERIALIZED (
      SELECT d.device_id, d.state, d.gateway_id FROM device d
      WHERE d.account_id = ${accountId} AND d.device_id = ANY(${ids}::text[])
      ORDER BY d.device_id FOR UPDATE),
    inserted AS (
      INSERT INTO device (account_id, device_id, state, identity_source, driver, address, name, site_id, gateway_id,
        manufacturer, model, serial_number, mac_address, firmware_version, architecture, platform_level, unsigned_apps, app_formats,
        connectivity, connectivity_reason, last_seen_at, assignment, claimed_at)
      SELECT ${accountId}, i.device_id, 'CLAIMED', i.identity_source, i.driver, i.address, i.name, i.site_id, ${gatewayId},
        i.manufacturer, i.model, i.serial_number, i.mac_address, i.firmware_version, i.architecture, i.platform_level,
        i.unsigned_apps, ARRAY(SELECT jsonb_array_elements_text(i.app_formats)),
        CASE WHEN g.connected THEN 'ONLINE' ELSE 'UNKNOWN' END, CASE WHEN g.connected THEN NULL ELSE 'gateway-away' END,
        now(), 1, now()
      FROM item i, gateway_now g
      WHERE NOT EXISTS (SELECT 1 FROM own WHERE own.device_id = i.device_id)
      ORDER BY i.device_id COLLATE "C"
      ON CONFLICT DO NOTHING
      RETURNING device_id, assignment),
    foreign_claim AS MATERIALIZED (
      SELECT d.device_id FROM device d
      WHERE d.device_id = ANY(${ids}::text[]) AND d.state = 'CLAIMED' AND d.account_id <> ${accountId}),
    changed AS (
      UPDATE device d SET
        state = 'CLAIMED', address = i.address, driver = i.driver, manufacturer = i.manufacturer, model = i.model,
        serial_number = i.serial_number, mac_address = i.mac_address, firmware_version = i.firmware_version,
        architecture = i.architecture, platform_level = i.platform_level, unsigned_apps = i.unsigned_apps,
        app_formats = ARRAY(SELECT jsonb_array_elements_text(i.app_formats)), last_seen_at = now(), updated_at = now(),
        -- the identity stays as it was read at the claim, and what a person has set stays theirs
        identity_source = CASE own.state WHEN 'CLAIMED' THEN d.identity_source ELSE i.identity_source END,
        name = coalesce(d.name, i.name),
        site_id = CASE own.state WHEN 'CLAIMED' THEN d.site_id ELSE i.site_id END,
        gateway_id = ${gatewayId},
        assignment = CASE own.state WHEN 'CLAIMED' THEN d.assignment ELSE d.assignment + 1 END,
        claimed_at = CASE own.state WHEN 'CLAIMED' THEN d.claimed_at ELSE now() END,
        connectivity = CASE WHEN own.state = 'CLAIMED' THEN d.connectivity WHEN g.connected THEN 'ONLINE' ELSE 'UNKNOWN' END,
        connectivity_reason = CASE WHEN own.state = 'CLAIMED' THEN d.connectivity_reason
          WHEN g.connected THEN NULL ELSE 'gateway-away' END
      FROM item i JOIN own ON own.device_id = i.device_id, gateway_now g
      WHERE d.account_id = ${accountId} AND d.device_id = i.device_id AND d.device_id = ANY(${ids}::text[])
        AND ((own.state = 'CLAIMED' AND own.gateway_id = ${gatewayId})
          OR (own.state = 'UNCLAIMED' AND own.device_id NOT IN (SELECT device_id FROM foreign_claim)))
      RETURNING d.device_id, d.assignment, d.project_ids, own.state AS before),
    told AS (
      INSERT INTO event (account_id, type, actor_kind, actor_id, request_id, device_id, project_ids, data)
      SELECT ${accountId}, 'device.claimed', 'gateway', ${gatewayId}, ${origin.requestId}, c.device_id, c.project_ids,
        jsonb_build_object('gatewayId', ${gatewayId}::text, 'siteId', i.site_id, 'driver', i.driver, 'assignment', c.assignment)
      FROM (SELECT device_id, assignment, NULL::uuid[] AS project_ids FROM inserted
            UNION ALL SELECT device_id, assignment, project_ids FROM changed WHERE before = 'UNCLAIMED') c
      JOIN item i ON i.device_id = c.device_id)
    SELECT i.device_id AS "deviceId", coalesce(n.assignment, c.assignment) AS assignment,
      CASE WHEN n.device_id IS NOT NULL OR c.before = 'UNCLAIMED' THEN 'claimed'
        WHEN c.before = 'CLAIMED' OR own.state = 'CLAIMED' THEN 'already-claimed'
        WHEN f.device_id IS NOT NULL THEN 'claimed-elsewhere'
        ELSE 'unsure' END AS result
    FROM item i
    LEFT JOIN inserted n ON n.device_id = i.device_id
    LEFT JOIN changed c ON c.device_id = i.device_id
    LEFT JOIN own ON own.device_id = i.device_id
    LEFT JOIN foreign_claim f ON f.device_id = i.device_id`.execute(db)
  return rows
}

/** PostgreSQL's text holds no NUL, and no camera's facts are worth a failed claim. */
function toJson(claims: Claim[]): string {
  const rows = claims.map(({ deviceId, identitySource, driver, address, name, siteId, facts }) => ({
    ...{ device_id: deviceId, identity_source: identitySource, driver, address, name: name ?? null, site_id: siteId },
    ...{ manufacturer: facts.manufacturer, model: facts.model, serial_number: facts.serialNumber },
    ...{ mac_address: facts.macAddress, firmware_version: facts.firmwareVersion, architecture: facts.architecture },
    ...{
      platform_level: facts.platformLevel,
      unsigned_apps: facts.unsignedApps ?? null,
      app_formats: facts.appFormats,
    },
  }))
  return JSON.stringify(rows, (_key, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('\u0000', '') : value,
  )
}
