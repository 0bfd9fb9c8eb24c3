import type { LicenseType } from '@ocelli/contract'
import { sql } from 'kysely'
import { brokenConstraint, type DatabaseTransaction } from '../../platform/database/database.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { expireOverdue } from './expire-licenses.ts'
import { isUnitMissing } from './issue-license.ts'
import { lineColumns, openLines, requireOrder } from './pick-order.ts'

/** Licenses of one app and type that devices shall hold. */
export interface WantedLicenses {
  appId: string
  licenseType: LicenseType
  orderId?: string | undefined
  deviceIds: string[]
}

export interface HeldLicense {
  licenseId: string
  appId: string
  deviceId: string
  licenseType: LicenseType
  isNew: boolean
}

const rank: Record<LicenseType, number> = { TRIAL: 0, SUBSCRIPTION: 1, FULL: 2 }
const maxRounds = 5

/**
 * Has every pair hold a license as good as the one wanted: the one that it holds already, else a unit is reserved. All of
 * them or none: `no-free-license` says how many units are missing of what.
 */
export async function holdLicenses(
  db: DatabaseTransaction,
  context: Context,
  wanted: WantedLicenses[],
): Promise<HeldLicense[]> {
  const { accountId } = context.caller
  for (const { appId, deviceIds } of wanted) await expireOverdue(db, { accountId, appId, deviceIds })
  for (let round = 1; round <= maxRounds; round++) {
    const held = await readHeld(db, accountId, wanted)
    const missing = wanted.map((one) => ({
      ...one,
      deviceIds: one.deviceIds.filter((deviceId) => !held.has(keyOf({ ...one, deviceId }))),
    }))
    const reserved = await reserve(db, context, missing)
    if (reserved) return [...held.values(), ...reserved]
  }
  throw new ProblemError('unavailable', 'Too many licenses of these apps are being made right now. Try again.')
}

const keyOf = ({ appId, deviceId }: { appId: string; deviceId: string }) => JSON.stringify([appId, deviceId])

async function readHeld(
  db: DatabaseTransaction,
  accountId: string,
  wanted: WantedLicenses[],
): Promise<Map<string, HeldLicense>> {
  const best = new Map<string, HeldLicense>()
  for (const { appId, licenseType, deviceIds } of wanted) {
    const { rows } = await sql<HeldLicense>`
      SELECT license_id AS "licenseId", app_id AS "appId", device_id AS "deviceId", license_type AS "licenseType", false AS "isNew"
      FROM license WHERE account_id = ${accountId} AND app_id = ${appId} AND device_id = ANY(${deviceIds}::text[])
        AND issuer = 'PLATFORM' AND state IN ('RESERVED', 'VALID') AND (valid_until IS NULL OR valid_until > now())`.execute(
      db,
    )
    for (const license of rows.filter((row) => rank[row.licenseType] >= rank[licenseType])) {
      const known = best.get(keyOf(license))
      if (!known || rank[known.licenseType] < rank[license.licenseType]) best.set(keyOf(license), license)
    }
  }
  return best
}

/** Takes the units; null when somebody else was faster with one of them, and it must be looked at again. */
async function reserve(
  db: DatabaseTransaction,
  context: Context,
  missing: WantedLicenses[],
): Promise<HeldLicense[] | null> {
  const { accountId } = context.caller
  const units: { appId: string; licenseType: LicenseType; orderId: string; deviceId: string }[] = []
  const lacking: string[] = []
  for (const { deviceIds, ...one } of missing.filter((item) => item.deviceIds.length > 0)) {
    if (one.licenseType === 'TRIAL') await requireUnusedTrials(db, accountId, { appId: one.appId, deviceIds })
    const orders = await freeUnits(db, accountId, one)
    for (const [index, deviceId] of deviceIds.entries()) {
      const orderId = orders[index]
      if (orderId) units.push({ appId: one.appId, licenseType: one.licenseType, orderId, deviceId })
    }
    const { length } = deviceIds
    if (orders.length < length) {
      lacking.push(
        `${length - orders.length} ${one.licenseType} of ${one.appId} (${length} needed, ${orders.length} free)`,
      )
    }
  }
  if (lacking.length > 0) {
    throw new ProblemError(
      'no-free-license',
      `Units are missing: ${lacking.join('; ')}. Order more, or name fewer devices.`,
    )
  }
  if (units.length === 0) return []
  await sql`SAVEPOINT hold`.execute(db)
  try {
    const { rows } = await sql<HeldLicense & { orderId: string }>`
      INSERT INTO license (account_id, app_id, device_id, license_type, order_id, state)
      SELECT ${accountId}::uuid, "appId", "deviceId", "licenseType", "orderId", 'RESERVED'
      FROM jsonb_to_recordset(${JSON.stringify(units)}::jsonb) AS u("appId" text, "deviceId" text, "licenseType" text, "orderId" uuid)
      ORDER BY "deviceId" COLLATE "C", "appId" COLLATE "C"
      RETURNING license_id AS "licenseId", app_id AS "appId", device_id AS "deviceId", license_type AS "licenseType",
        order_id AS "orderId", true AS "isNew"`.execute(db)
    await emitEvents(
      db,
      context.origin,
      rows.map(({ licenseId, appId, deviceId, orderId, licenseType }) => ({
        ...{ type: 'license.reserved', accountId, licenseId, appId, deviceId, orderId, data: { licenseType } },
      })),
    )
    return rows
  } catch (error) {
    await sql`ROLLBACK TO SAVEPOINT hold`.execute(db)
    if (isUnitMissing(error) || brokenConstraint(error)?.constraint === 'license_held_once') return null
    throw error
  }
}

/** One entry per free unit, no more than are needed: the order that it comes from, the one that ends last first. */
async function freeUnits(
  db: DatabaseTransaction,
  accountId: string,
  { appId, licenseType, orderId }: Omit<WantedLicenses, 'deviceIds'>,
): Promise<string[]> {
  if (orderId) await requireOrder(db, { accountId, appId, licenseType, orderId })
  const wanted = { accountId, appId, licenseType, ...(orderId ? { orderId } : {}) }
  const { rows } = await sql<{ order_id: string; free: number }>`
    SELECT order_id, total - used AS free FROM ${openLines(lineColumns(wanted))}`.execute(db)
  return rows.flatMap((row) => Array.from({ length: Math.min(row.free, 5000) }, () => row.order_id))
}

async function requireUnusedTrials(
  db: DatabaseTransaction,
  accountId: string,
  { appId, deviceIds }: { appId: string; deviceIds: string[] },
): Promise<void> {
  const { rows } = await sql<{ device_id: string }>`SELECT device_id FROM trial_issued
    WHERE account_id = ${accountId} AND app_id = ${appId} AND device_id = ANY(${deviceIds}::text[]) LIMIT 5`.execute(db)
  if (rows.length === 0) return
  const names = rows.map((row) => row.device_id).join(', ')
  throw new ProblemError('trial-used', `The trial of ${appId} was used before on: ${names}. Leave these devices out.`)
}
