import type { DeviceReport } from '@ocelli/contract'
import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import type { NewEvent } from '../../platform/events/emit.ts'

export interface ReportBatch {
  gateway: { gatewayId: string; accountId: string }
  session: number
  reports: DeviceReport[]
}

export interface GivenReport {
  batch: ReportBatch
  report: DeviceReport
}

export interface LockedDevice {
  accountId: string
  deviceId: string
  gatewayId: string
  connectivity: string
  connectivityReason: string | null
  projectIds: string[]
  factsChanged: boolean
  replacementChanged: boolean
  architecture: string | null
  repair: 'request' | 'auto'
}

/** A camera's last answer is written down when it is so much later than the one that is known, or anything else is new. */
const seenWithinSeconds = 30

/** 68 years, what PostgreSQL's integer holds: a camera that is further off is as wrong. */
const maxSeconds = 2 ** 31 - 1

/** Columns of `device` that reports tell. */
const toldColumns = [
  ...['connectivity', 'connectivity_reason', 'connectivity_detail', 'replacement', 'clock_offset_seconds'],
  ...['certificate_expires_at', 'address', 'manufacturer', 'model', 'serial_number', 'mac_address', 'firmware_version'],
  ...['architecture', 'platform_level', 'unsigned_apps', 'app_downgrade', 'app_formats'],
]
const told = (table: string) => sql.join(toldColumns.map((column) => sql.ref(`${table}.${column}`)))
const setTold = sql.join(toldColumns.map((column) => sql`${sql.ref(column)} = ${sql.ref(`f.${column}`)}`))

/**
 * Locks the devices whose report is newer and notes it; gives back those, as they were before in what events tell. The
 * device's own row, wide and much indexed, is written only where the report says something new.
 */
export async function writeDevices(db: DatabaseTransaction, given: GivenReport[]): Promise<LockedDevice[]> {
  const rows = given.map(toRow)
  const { rows: devices } = await sql<LockedDevice>`
    WITH given AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS r("accountId" uuid, "gatewayId" uuid, session bigint, "deviceId" text,
        assignment integer, seq bigint, revision bigint, state text, reason text, detail text, "lastAnswerSecondsAgo" integer,
        "clockOffsetSeconds" integer, "certificateExpiresAt" timestamptz, replacement jsonb, address text, facts jsonb, one integer)
    ), locked AS (
      SELECT d AS known, s.repair, g.*
      FROM given g
      JOIN gateway w ON w.gateway_id = g."gatewayId" AND w.session = g.session AND w.revoked_at IS NULL
      JOIN device d ON d.account_id = g."accountId" AND d.device_id = g."deviceId" AND d.gateway_id = g."gatewayId"
        AND d.assignment = g.assignment
      JOIN device_channel c ON c.account_id = g."accountId" AND c.device_id = g."deviceId"
        AND (c.report_session, c.report_seq) < (g.session, g.seq)
      JOIN site s ON s.site_id = d.site_id
      -- always so, and why: see readSituations
      WHERE one = 1
      ORDER BY d.account_id, d.device_id FOR NO KEY UPDATE OF d, c
    ), noted AS (
      UPDATE device_channel c SET report_session = l.session, report_seq = l.seq,
        reported_revision = greatest(c.reported_revision, least(l.revision, c.revision))
      FROM locked l WHERE c.account_id = l."accountId" AND c.device_id = l."deviceId"
    ), fresh AS (
      SELECT l."accountId" AS account_id, l."deviceId" AS device_id, l."gatewayId", l.repair, l.known, now() - l."lastAnswerSecondsAgo" * interval '1 second' AS seen_at,
        l.state AS connectivity, l.reason AS connectivity_reason, l.detail AS connectivity_detail,
        nullif(l.replacement, 'null') AS replacement,
        coalesce(l."clockOffsetSeconds", (l.known).clock_offset_seconds) AS clock_offset_seconds,
        coalesce(l."certificateExpiresAt", (l.known).certificate_expires_at) AS certificate_expires_at,
        coalesce(l.address, (l.known).address) AS address,
        coalesce(l.facts->>'manufacturer', (l.known).manufacturer) AS manufacturer,
        coalesce(l.facts->>'model', (l.known).model) AS model,
        coalesce(l.facts->>'serialNumber', (l.known).serial_number) AS serial_number,
        coalesce(l.facts->>'macAddress', (l.known).mac_address) AS mac_address,
        coalesce(l.facts->>'firmwareVersion', (l.known).firmware_version) AS firmware_version,
        coalesce(l.facts->>'architecture', (l.known).architecture) AS architecture,
        coalesce((l.facts->>'platformLevel')::int, (l.known).platform_level) AS platform_level,
        coalesce((l.facts->>'unsignedApps')::boolean, (l.known).unsigned_apps) AS unsigned_apps,
        coalesce(l.facts->>'appDowngrade', (l.known).app_downgrade) AS app_downgrade,
        CASE WHEN jsonb_typeof(l.facts->'appFormats') = 'array'
          THEN ARRAY(SELECT jsonb_array_elements_text(l.facts->'appFormats')) ELSE (l.known).app_formats END AS app_formats
      FROM locked l
    ), written AS (
      UPDATE device d SET ${setTold}, last_seen_at = coalesce(f.seen_at, d.last_seen_at)
      FROM fresh f WHERE d.account_id = f.account_id AND d.device_id = f.device_id AND ((${told('f')}) IS DISTINCT FROM (${told('d')})
        OR f.seen_at > coalesce(d.last_seen_at, '-infinity') + ${seenWithinSeconds} * interval '1 second')
    )
    SELECT f.account_id AS "accountId", f.device_id AS "deviceId", f."gatewayId", f.repair, (f.known).connectivity,
      (f.known).connectivity_reason AS "connectivityReason", (f.known).project_ids AS "projectIds", f.architecture,
      f.replacement IS DISTINCT FROM (f.known).replacement AS "replacementChanged",
      (f.app_formats, f.architecture, f.platform_level, f.firmware_version, f.unsigned_apps) IS DISTINCT FROM
        ((f.known).app_formats, (f.known).architecture, (f.known).platform_level, (f.known).firmware_version, (f.known).unsigned_apps)
        AS "factsChanged"
    FROM fresh f`.execute(db)
  return devices
}

/** Named one by one: messages may hold more than is agreed, and a member of that name must not take another's place. */
function toRow({ batch, report }: GivenReport) {
  const { deviceId, assignment, seq, revision, address, facts, connectivity } = report
  const { state, reason, detail, lastAnswerSecondsAgo, clockOffsetSeconds, certificateExpiresAt } = connectivity
  return {
    ...{ accountId: batch.gateway.accountId, gatewayId: batch.gateway.gatewayId, session: batch.session },
    ...{ deviceId, assignment, seq, revision, address, facts, one: 1 },
    ...{ state, reason, detail, lastAnswerSecondsAgo, certificateExpiresAt, replacement: connectivity.replacement },
    clockOffsetSeconds:
      clockOffsetSeconds === null ? null : Math.max(-maxSeconds, Math.min(maxSeconds, clockOffsetSeconds)),
  }
}

/** What a report tells of the device itself. */
export function eventsOf(device: LockedDevice, { connectivity }: DeviceReport): NewEvent[] {
  const { accountId, deviceId, projectIds, gatewayId } = device
  const { state, reason, detail, replacement } = connectivity
  const events: NewEvent[] = []
  if (device.connectivity !== state || device.connectivityReason !== reason) {
    const data = { from: device.connectivity, to: state, reason, detail, gatewayId }
    events.push({ type: 'device.connectivity-changed', accountId, deviceId, projectIds, data })
  }
  if (device.replacementChanged && replacement) {
    events.push({ type: 'device.replacement-found', accountId, deviceId, projectIds, data: { replacement } })
  }
  return events
}
