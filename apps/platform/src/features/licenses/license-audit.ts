import type { AuditFinding, LicenseAudit } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesApp, seesProjects } from '../../platform/auth/visibility.ts'
import { allowLongStatements } from '../../platform/database/session-limits.ts'
import type { Context } from '../../platform/http/route.ts'

const maxFindings = 1000

/**
 * Recounts an account's units from its licenses, and its licenses from their events, in one snapshot. Counters are
 * compared, never trusted. Callers of some projects get what they see.
 */
export async function auditLicenses(context: Context): Promise<LicenseAudit> {
  if (context.db.isTransaction) return await audit(context)
  return await context.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (db) => {
      // the whole log is read: 1.7 s for two million events
      await allowLongStatements(db)
      return await audit({ ...context, db })
    })
}

async function audit(context: Context): Promise<LicenseAudit> {
  const orders = await recount(context)
  const events = await sumEvents(context)
  const miscounted = orders.filter(({ ok }) => !ok).map(toFinding)
  const mismatched = await findMismatches(context)
  const conflicts = await findConflicts(context)
  const findings = [...miscounted, ...mismatched, ...conflicts]
  return {
    accountId: context.caller.accountId,
    orders,
    events: { ...events, ok: mismatched.length === 0 },
    ok: findings.every(({ severity }) => severity !== 'ERROR'),
    findings: findings.slice(0, maxFindings),
  }
}

type AuditedOrder = LicenseAudit['orders'][number]

async function recount({ db, caller }: Context): Promise<AuditedOrder[]> {
  const { rows } = await sql<Omit<AuditedOrder, 'ok'>>`
    SELECT o.order_id AS "orderId", o.app_id AS "appId", o.license_type AS "licenseType", o.state, o.total, o.used,
      (SELECT count(*)::int FROM license l WHERE l.order_id = o.order_id AND l.state IN ('RESERVED', 'VALID')) AS counted
    FROM app_order o WHERE o.account_id = ${caller.accountId} AND ${seesApp(caller, sql`o.app_id`)}
    ORDER BY o.app_id, o.license_type, o.placed_at, o.order_id`.execute(db)
  return rows.map((row) => ({
    ...row,
    ok: row.used === row.counted && row.counted <= row.total && (row.counted === 0 || row.state === 'CONFIRMED'),
  }))
}

function toFinding({ orderId, appId, total, used, counted, state }: AuditedOrder): AuditFinding {
  return {
    ...{ code: 'units-miscounted', severity: 'ERROR', orderId, appId, licenseId: null, deviceId: null },
    detail: `The order is ${state} with ${total} units, its counter says ${used}, and ${counted} licenses hold one.`,
  }
}

/** What each event does to the unit of its license. A transfer is told by the order events that name a license. */
const movement = sql`CASE
  WHEN e.type = 'license.reserved' OR (e.type = 'order.confirmed' AND e.license_id IS NOT NULL) THEN 1
  WHEN e.type = 'license.renewed' AND e.data->>'fromState' = 'EXPIRED' THEN 1
  WHEN e.type IN ('license.released', 'license.expired') OR (e.type = 'order.changed' AND e.license_id IS NOT NULL) THEN -1
  ELSE 0 END`

async function sumEvents({ db, caller }: Context): Promise<Omit<LicenseAudit['events'], 'ok'>> {
  const { rows } = await sql<Omit<LicenseAudit['events'], 'ok'>>`
    SELECT count(*) FILTER (WHERE type = 'license.reserved')::int AS reserved, count(*) FILTER (WHERE type = 'license.issued')::int AS issued,
      count(*) FILTER (WHERE type = 'license.renewed')::int AS renewed, count(*) FILTER (WHERE type = 'license.released')::int AS released,
      count(*) FILTER (WHERE type = 'license.expired')::int AS expired,
      count(*) FILTER (WHERE type = 'order.confirmed')::int AS "transferredIn", count(*) FILTER (WHERE type = 'order.changed')::int AS "transferredOut"
    FROM event e WHERE e.account_id = ${caller.accountId} AND e.license_id IS NOT NULL AND ${seesApp(caller, sql`e.app_id`)}`.execute(
    db,
  )
  const [sums] = rows
  if (!sums) throw new Error('An aggregate always gives one row.')
  return sums
}

/** Licenses whose events do not end in their state. A vendor's license takes no unit of ours. */
async function findMismatches({ db, caller }: Context): Promise<AuditFinding[]> {
  const { rows } = await sql<{
    licenseId: string
    deviceId: string
    appId: string
    orderId: string | null
    state: string | null
    moved: number
  }>`
    WITH moved AS (
      SELECT e.license_id, max(e.device_id) AS device_id, max(e.app_id) AS app_id, sum(${movement})::int AS units FROM event e
      WHERE e.account_id = ${caller.accountId} AND e.license_id IS NOT NULL GROUP BY e.license_id
    ), own AS (
      SELECT l.license_id, l.device_id, l.app_id, l.order_id, l.state, (l.state IN ('RESERVED', 'VALID'))::int AS units
      FROM license l WHERE l.account_id = ${caller.accountId} AND l.issuer = 'PLATFORM'
    )
    SELECT license_id AS "licenseId", coalesce(own.device_id, moved.device_id) AS "deviceId", coalesce(own.app_id, moved.app_id) AS "appId",
      own.order_id AS "orderId", own.state, coalesce(moved.units, 0) AS moved
    FROM own FULL JOIN moved USING (license_id)
    WHERE coalesce(own.units, 0) <> coalesce(moved.units, 0)
      AND NOT EXISTS (SELECT 1 FROM license v WHERE v.license_id = moved.license_id AND v.issuer = 'VENDOR')
      AND ${seesApp(caller, sql`coalesce(own.app_id, moved.app_id)`)}
    ORDER BY 1 LIMIT ${maxFindings}`.execute(db)
  return rows.map(({ state, moved, ...about }) => ({
    ...{ code: 'events-mismatch', severity: 'ERROR', ...about },
    detail: `The license is ${state ?? "not this account's"}, and by its events it ${moved === 1 ? 'holds a unit' : `holds ${moved} units`}.`,
  }))
}

/** Apps that were seen, or reported, on a device after the license of the pair was given back, and hold no other. */
async function findConflicts({ db, caller }: Context): Promise<AuditFinding[]> {
  const { rows } = await sql<{ licenseId: string; deviceId: string; appId: string; orderId: string | null }>`
    SELECT DISTINCT ON (l.app_id, l.device_id) l.license_id AS "licenseId", l.device_id AS "deviceId", l.app_id AS "appId", l.order_id AS "orderId"
    FROM license l
    LEFT JOIN device d ON d.account_id = l.account_id AND d.device_id = l.device_id
    LEFT JOIN installation i ON i.account_id = l.account_id AND i.device_id = l.device_id AND i.app_id = l.app_id
    LEFT JOIN LATERAL (SELECT e.result, e.at FROM receipt_entry e WHERE e.license_id = l.license_id AND e.result <> 'FAILED'
      ORDER BY e.at DESC, e.result DESC LIMIT 1) last ON true
    WHERE l.account_id = ${caller.accountId} AND l.state = 'RELEASED'
      AND ((i.present AND i.observed_at > l.released_at) OR (last.result = 'INSTALLED' AND last.at > coalesce(
        -- told late, a removal gave the license back at its own time, as in the rules of receipts
        (SELECT max(e.at) FROM receipt_entry e WHERE e.license_id = l.license_id AND e.result = 'REMOVED'), l.released_at)))
      AND NOT EXISTS (SELECT 1 FROM license h WHERE h.account_id = l.account_id AND h.device_id = l.device_id AND h.app_id = l.app_id
        AND h.state IN ('RESERVED', 'VALID'))
      AND (d.device_id IS NULL OR ${seesProjects(caller, sql.ref('d.project_ids'))}) AND ${seesApp(caller, sql`l.app_id`)}
    ORDER BY l.app_id, l.device_id, l.released_at DESC LIMIT ${maxFindings}`.execute(db)
  return rows.map((about) => ({
    ...{ code: 'license-conflict', severity: 'WARNING', ...about },
    detail: 'The app is on this device though its license was given back. Remove it there, or give it a license.',
  }))
}
