import { type RawBuilder, sql } from 'kysely'
import { brokenConstraint, type Database, type DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { allowLongStatements } from '../../platform/database/session-limits.ts'
import { byPlatform, emitEvents } from '../../platform/events/emit.ts'
import { applyExpiry } from '../installations/expiry-rules.ts'
import { lockLicensed, writeLicensed } from '../installations/licensed-installations.ts'
import { announceOrder } from '../orders/announce-order.ts'

const batchSize = 1000
const maxRounds = 5
/** Any number that no other advisory lock of this database takes. */
const sweepLock = 7_203_446

export interface Expired {
  orders: number
  licenses: number
  /** Installations that got another wish: the channel has something to send. */
  installations: number
}

/**
 * Ends what has reached its end by the database's clock. Orders first, each in one transaction with all of its licenses
 * and its total; then trials. Of several processes one works at a time; the others find nothing to do.
 */
export async function sweepExpiry(db: Database): Promise<Expired> {
  const sum: Expired = { orders: 0, licenses: 0, installations: 0 }
  for (const step of [endNextOrder, expireNextTrials]) {
    for (;;) {
      const done = await step(db)
      if (!done) break
      sum.orders += done.orders
      sum.licenses += done.licenses
      sum.installations += done.installations
    }
  }
  return sum
}

/** The order that ended first; null when there is none, or another process is at it. */
async function endNextOrder(db: Database): Promise<Expired | null> {
  for (let round = 1; ; round++) {
    try {
      return await inTransaction(db, async (transaction) => {
        if (!(await isAlone(transaction))) return null
        const { rows } = await sql<{ order_id: string; total: number }>`SELECT order_id, total FROM app_order
          WHERE state = 'CONFIRMED' AND valid_until <= now() ORDER BY valid_until LIMIT 1`.execute(transaction)
        const [order] = rows
        if (!order) return null
        await allowLongStatements(transaction)
        const done = await expire(transaction, sql`l.order_id = ${order.order_id}`)
        await sql`UPDATE app_order SET state = 'ENDED', total = 0, ended_at = now() WHERE order_id = ${order.order_id}`.execute(
          transaction,
        )
        await announceOrder(transaction, byPlatform, {
          ...{ orderId: order.order_id, type: 'order.ended', data: { endedTotal: order.total } },
        })
        return { ...done, orders: 1 }
      })
    } catch (error) {
      // a request that began before the end has taken a unit between: that license is seen by the next round
      const isOvertaken = ['app_order_units', 'app_order_used_needs_confirmation'].includes(
        brokenConstraint(error)?.constraint ?? '',
      )
      if (!isOvertaken || db.isTransaction || round === maxRounds) throw error
    }
  }
}

/** Licenses that end by themselves, by the index on their end. */
async function expireNextTrials(db: Database): Promise<Expired | null> {
  return await inTransaction(db, async (transaction) => {
    if (!(await isAlone(transaction))) return null
    const { rows } = await sql<{ license_id: string }>`SELECT license_id FROM license
      WHERE state = 'VALID' AND valid_until <= now() ORDER BY valid_until LIMIT ${batchSize}`.execute(transaction)
    if (rows.length === 0) return null
    const ids = rows.map((row) => row.license_id)
    return await expire(transaction, sql`l.license_id = ANY(${ids}::uuid[]) AND l.valid_until <= now()`)
  })
}

/** Ends the licenses of one app on these devices that have reached their end, where nobody may wait for the sweep. */
export async function expireOverdue(
  db: DatabaseTransaction,
  { accountId, appId, deviceIds }: { accountId: string; appId: string; deviceIds: string[] },
): Promise<void> {
  await expire(
    db,
    sql`l.account_id = ${accountId} AND l.app_id = ${appId} AND l.device_id = ANY(${deviceIds}::text[]) AND l.valid_until <= now()`,
  )
}

async function isAlone(db: DatabaseTransaction): Promise<boolean> {
  const { rows } = await sql<{ free: boolean }>`SELECT pg_try_advisory_xact_lock(${sweepLock}) AS free`.execute(db)
  return rows[0]?.free === true
}

interface ExpiredLicense {
  accountId: string
  licenseId: string
  orderId: string | null
  appId: string
  deviceId: string
  projectIds: string[] | null
  data: Record<string, unknown>
}

/** Installations, licenses, counters (by the trigger), events: in this order, in the caller's transaction. */
async function expire(db: DatabaseTransaction, condition: RawBuilder<unknown>): Promise<Expired> {
  const held = sql`${condition} AND l.state IN ('RESERVED', 'VALID')`
  const { rows: clock } = await sql<{ at: string }>`SELECT now() AS at`.execute(db)
  const at = clock[0]?.at ?? ''
  const locked = await lockLicensed(db, held)
  const running = locked.flatMap(({ licenseId, runningState }) =>
    licenseId !== null && runningState === 'RUNNING' ? [licenseId] : [],
  )
  const { rows } = await sql<ExpiredLicense>`
    UPDATE license l SET state = 'EXPIRED', expired_at = now(), ran_at_expiry = l.license_id = ANY(${running}::uuid[])
    WHERE ${held}
    RETURNING l.account_id AS "accountId", l.license_id AS "licenseId", l.order_id AS "orderId", l.app_id AS "appId",
      l.device_id AS "deviceId", (SELECT d.project_ids FROM device d WHERE d.account_id = l.account_id AND d.device_id = l.device_id)
        AS "projectIds", jsonb_build_object('licenseType', l.license_type, 'validUntil', rfc3339(l.valid_until)) AS data`.execute(
    db,
  )
  await emitEvents(
    db,
    byPlatform,
    rows.map((license) => ({ type: 'license.expired', ...license })),
  )
  const decided = locked.map((before) => ({ before, outcome: applyExpiry({ ...before, licenseState: null }, at) }))
  const installations = await writeLicensed(db, decided, { origin: byPlatform, reason: 'license-expired' })
  return { orders: 0, licenses: rows.length, installations }
}
