import type { LicenseType } from '@ocelli/contract'
import { sql } from 'kysely'
import { brokenConstraint, type DatabaseTransaction } from '../../platform/database/database.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'
import { applyRenewal } from '../installations/expiry-rules.ts'
import { lockLicensed, writeLicensed } from '../installations/licensed-installations.ts'
import { isUnitMissing, signTerms } from './issue-license.ts'
import { requireRenewingOrder } from './renewing-order.ts'
import { showLicensed } from './unclaimed-devices.ts'

export interface Renewing {
  licenseId: string
  accountId: string
  appId: string
  deviceId: string
  licenseType: LicenseType
  state: 'RESERVED' | 'VALID' | 'EXPIRED' | 'RELEASED'
  orderId: string | null
  validUntil: string | null
  ranAtExpiry: boolean
  projectIds: string[] | null
}

/**
 * Moves licenses to an order that goes on for longer, under the same ids: each gets a new token, its unit leaves the old
 * order line and is taken from the new one by one statement. Devices whose wish names the license are sent the new token.
 * Licenses that are in that order already stay as they are. All of them or none.
 *
 * | now | becomes |
 * | --- | --- |
 * | VALID | VALID with a new token and end |
 * | RESERVED | RESERVED, of the new order |
 * | EXPIRED, and the pair holds no other of its type | VALID; an app that ran at the end is started again |
 * | RELEASED, or not a SUBSCRIPTION | refused |
 */
export async function renewLicenses(
  db: DatabaseTransaction,
  context: Context,
  { licenseIds, orderId, keys }: { licenseIds: string[]; orderId: string; keys: LicenseKeys },
): Promise<{ renewed: string[]; wishes: number }> {
  const { accountId } = context.caller
  const installations = await lockLicensed(
    db,
    sql`l.account_id = ${accountId} AND l.license_id = ANY(${licenseIds}::uuid[])`,
  )
  const licenses = (await lock(db, accountId, licenseIds)).filter((license) => license.orderId !== orderId)
  if (licenses.length === 0) return { renewed: [], wishes: 0 }
  const order = await requireRenewingOrder(db, { accountId, orderId, licenses })
  await move(db, context, { licenses, orderId, order, keys })
  await emitEvents(
    db,
    context.origin,
    licenses.map(({ orderId: from, state, accountId: _, ...license }) => ({
      ...{ type: 'license.renewed' as const, accountId, orderId, projectIds: license.projectIds },
      ...{ licenseId: license.licenseId, appId: license.appId, deviceId: license.deviceId },
      data: { fromOrderId: from, fromState: state, validUntil: order.validUntil },
    })),
  )
  const byId = new Map(licenses.map((license) => [license.licenseId, license]))
  const decided = installations.flatMap((before) => {
    const license = byId.get(before.licenseId ?? '')
    if (!license || license.state === 'RESERVED') return []
    return [{ before, outcome: applyRenewal(before, { restart: license.ranAtExpiry }) }]
  })
  const wishes = await writeLicensed(db, decided, { origin: context.origin, reason: 'license-renewed' })
  return { renewed: licenses.map(({ licenseId }) => licenseId), wishes }
}

async function lock(db: DatabaseTransaction, accountId: string, licenseIds: string[]): Promise<Renewing[]> {
  const { rows } = await sql<Renewing>`
    SELECT l.license_id AS "licenseId", l.account_id AS "accountId", l.app_id AS "appId", l.device_id AS "deviceId",
      l.license_type AS "licenseType", l.state, l.order_id AS "orderId", l.valid_until AS "validUntil",
      l.ran_at_expiry AS "ranAtExpiry", (SELECT d.project_ids FROM device d
        WHERE d.account_id = l.account_id AND d.device_id = l.device_id) AS "projectIds"
    FROM license l WHERE l.account_id = ${accountId} AND l.license_id = ANY(${licenseIds}::uuid[])
    ORDER BY l.license_id FOR UPDATE OF l`.execute(db)
  return rows
}

async function move(
  db: DatabaseTransaction,
  context: Context,
  {
    licenses,
    orderId,
    order,
    keys,
  }: { licenses: Renewing[]; orderId: string; order: { issuedAt: number; endsAt: number }; keys: LicenseKeys },
): Promise<void> {
  const { issuedAt, endsAt } = order
  const signed = await signTerms(
    keys,
    licenses.map((license) => ({ ...license, orderId, issuedAt, validUntil: endsAt })),
  )
  const rows = licenses.map(({ licenseId, state }, index) => ({ licenseId, state, ...signed[index] }))
  await sql`SAVEPOINT renew`.execute(db)
  try {
    // a device that was never claimed may have left the list when its last license ended
    await showLicensed(db, { accountId: context.caller.accountId, devices: licenses })
    await sql`UPDATE license l SET order_id = ${orderId}, warned_days = NULL,
        state = CASE r.state WHEN 'RESERVED' THEN 'RESERVED' ELSE 'VALID' END,
        token = CASE r.state WHEN 'RESERVED' THEN NULL ELSE r.token END,
        key_certificate = CASE r.state WHEN 'RESERVED' THEN NULL ELSE r."keyCertificate" END,
        valid_until = CASE r.state WHEN 'RESERVED' THEN NULL ELSE to_timestamp(${endsAt}) END,
        issued_at = CASE r.state WHEN 'RESERVED' THEN NULL ELSE coalesce(l.issued_at, now()) END,
        valid_from = CASE r.state WHEN 'RESERVED' THEN NULL ELSE coalesce(l.valid_from, now()) END,
        renewal = l.renewal + CASE r.state WHEN 'RESERVED' THEN 0 ELSE 1 END,
        renewed_at = CASE r.state WHEN 'RESERVED' THEN NULL ELSE now() END, expired_at = NULL, ran_at_expiry = false
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        AS r("licenseId" uuid, state text, token text, "keyCertificate" text)
      -- named twice, and why: see issueLicenses
      WHERE l.license_id = r."licenseId" AND l.license_id = ANY(${licenses.map(({ licenseId }) => licenseId)}::uuid[])`.execute(
      db,
    )
  } catch (error) {
    await sql`ROLLBACK TO SAVEPOINT renew`.execute(db)
    if (isUnitMissing(error)) {
      throw new ProblemError(
        'no-free-license',
        `The order ${orderId} has fewer free units than the ${licenses.length} that the renewal takes. Order more.`,
      )
    }
    if (brokenConstraint(error)?.constraint === 'license_held_once') {
      throw new ProblemError(
        'license-conflict',
        'The device holds a newer SUBSCRIPTION license of this app: this one is no longer needed.',
      )
    }
    throw error
  }
}
