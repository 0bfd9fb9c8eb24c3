import type { License, LicenseRequest } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import { seesApp, seesProjects } from '../../platform/auth/visibility.ts'
import type { Database, DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Answer, Context } from '../../platform/http/route.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'
import { appVisibleTo } from '../apps/app-store.ts'
import { pairAsksForVendorKey, vendorKeyMissing } from '../apps/asks-for-vendor-key.ts'
import { licenseCheckedBy, newestVersionCode } from '../apps/license-checked-by.ts'
import { applyRelease } from '../installations/expiry-rules.ts'
import { lockLicensed, writeLicensed } from '../installations/licensed-installations.ts'
import { expireOverdue } from './expire-licenses.ts'
import { issueReserved, reserveUnit, toLicenseFile } from './issue-license.ts'
import { pickOrder } from './pick-order.ts'
import { forgetUnlicensed, showLicensed } from './unclaimed-devices.ts'

interface Pair {
  appId: string
  deviceId: string
}

const selectLicense = sql`SELECT l.license_id AS "licenseId", l.token AS "licenseToken", l.app_id AS "appId", l.device_id AS "deviceId",
  l.license_type AS "licenseType", l.order_id AS "orderId", l.issuer, l.state, l.valid_from AS "validFrom", l.valid_until AS "validUntil",
  l.created_at AS "createdAt", CASE WHEN l.issuer = 'VENDOR' THEN 'CAMERA'
    ELSE ${licenseCheckedBy({ versionCode: newestVersionCode, driver: sql`d.driver` })} END AS "licenseCheckedBy"
  FROM license l LEFT JOIN app a ON a.app_id = l.app_id
  LEFT JOIN device d ON d.account_id = l.account_id AND d.device_id = l.device_id`

export async function readLicenses(
  db: Database,
  where: RawBuilder<unknown>,
  order: RawBuilder<unknown> = sql`l.created_at, l.license_id`,
): Promise<License[]> {
  return (await sql<License>`${selectLicense} WHERE ${where} ORDER BY ${order}`.execute(db)).rows
}

/** A device outside the caller's projects hides its licenses; one that is not in the list yet hides nothing. */
export const seesDeviceOf = ({
  caller,
}: Context) => sql`NOT EXISTS (SELECT 1 FROM device d WHERE d.account_id = l.account_id
  AND d.device_id = l.device_id AND NOT ${seesProjects(caller, sql.ref('d.project_ids'))})`

export async function listLicenses(
  context: Context,
  { appId, deviceId }: Pair,
  state: 'HELD' | 'ALL',
): Promise<License[]> {
  const held = state === 'ALL' ? sql`true` : sql`l.state IN ('RESERVED', 'VALID')`
  return await readLicenses(
    context.db,
    sql`l.account_id = ${context.caller.accountId} AND l.app_id = ${appId} AND l.device_id = ${deviceId} AND ${held}
      AND ${seesDeviceOf(context)} AND ${seesApp(context.caller, sql.ref('l.app_id'))}`,
  )
}

/** Makes a license by hand, also for a device never seen: it then shows as UNCLAIMED. */
export async function makeLicense(
  context: Context,
  { pair, request, keys }: { pair: Pair; request: LicenseRequest; keys: LicenseKeys },
): Promise<Answer<License>> {
  const { licenseType, orderId } = request
  if (licenseType === 'SUBSCRIPTION' && !orderId) {
    throw new ProblemError('order-required', 'A SUBSCRIPTION license made by hand must name its orderId.', {
      errors: [{ pointer: '/orderId', code: 'required', detail: 'is required for SUBSCRIPTION' }],
    })
  }
  return await inTransaction(context.db, async (db) => {
    const inside = { ...context, db }
    const app = await requireVisible(inside, pair)
    const { accountId } = context.caller
    await expireOverdue(db, { accountId, appId: pair.appId, deviceIds: [pair.deviceId] })
    for (;;) {
      const held = (await listLicenses(inside, pair, 'HELD')).find(
        (license) => license.licenseType === licenseType && (license.issuer === 'VENDOR') === app.asksForVendorKey,
      )
      if (held) {
        if (held.state === 'RESERVED') await issue(db, { context, keys, licenseId: held.licenseId, pair })
        return { status: 200, body: await readLicense(inside, held.licenseId) }
      }
      if (app.asksForVendorKey) throw vendorKeyMissing()
      if (licenseType === 'TRIAL') await requireUnusedTrial(inside, pair)
      const order = await pickOrder(db, { accountId, appId: pair.appId, licenseType, orderId })
      const licenseId = await reserveUnit(db, { accountId, ...pair, licenseType, orderId: order })
      if (licenseId === null) continue
      await showLicensed(db, { accountId, devices: [pair] })
      await emitEvents(db, context.origin, [
        { type: 'license.reserved', accountId, ...pair, licenseId, orderId: order, data: { licenseType } },
      ])
      await issue(db, { context, keys, licenseId, pair })
      return { status: 201, body: await readLicense(inside, licenseId) }
    }
  })
}

/** The license file of a license that has one. */
export async function licenseFile(
  context: Context,
  { licenseId, keys }: { licenseId: string; keys: LicenseKeys },
): Promise<{ name: string; content: string }> {
  return await inTransaction(context.db, async (db) => {
    const license = await readLicense({ ...context, db }, licenseId)
    // a vendor's key was paid for elsewhere: who holds it gets the file back whatever became of the license
    if (license.issuer === 'PLATFORM' && (license.state === 'RELEASED' || license.state === 'EXPIRED')) {
      throw new ProblemError(
        'state-conflict',
        `The license is ${license.state}: it has no file any more. Make a new one.`,
      )
    }
    if (license.state === 'RESERVED') await issue(db, { context, keys, licenseId, pair: license })
    const { rows } = await sql<{ token: string | null; keyCertificate: string | null; grant: string | null }>`
      SELECT l.token, l.key_certificate AS "keyCertificate", g.statement AS "grant" FROM license l
      LEFT JOIN app_order o ON o.order_id = l.order_id LEFT JOIN order_grant g ON g.grant_id = o.grant_id
      WHERE l.license_id = ${licenseId} AND l.account_id = ${context.caller.accountId}`.execute(db)
    const { token = null, keyCertificate = null, grant = null } = rows[0] ?? {}
    const name = `${license.appId}-${license.deviceId.replace(/[^A-Za-z0-9._-]/g, '_')}`
    if (license.issuer === 'VENDOR' && token) return { name: `${name}.xml`, content: token }
    if (!token || !keyCertificate) throw new ProblemError('state-conflict', 'This license has no token.')
    return {
      name: `${name}.lic`,
      content: `${toLicenseFile({ token, keyCertificate, grant })}\n`,
    }
  })
}

/** Declares a unit free though no camera confirmed it: by permission, with a reason, audited. */
export async function releaseLicense(
  context: Context,
  { licenseId, reason, wake }: { licenseId: string; reason: string; wake: () => void },
): Promise<License> {
  return await inTransaction(context.db, async (db) => {
    const inside = { ...context, db }
    const license = await readLicense(inside, licenseId)
    const { accountId } = context.caller
    const installations = await lockLicensed(db, sql`l.account_id = ${accountId} AND l.license_id = ${licenseId}`)
    if (installations.some(({ settled }) => !settled)) {
      throw new ProblemError(
        'state-conflict',
        'The app of this license is being worked on just now. Uninstall it, or try again later.',
      )
    }
    const { rows } = await sql`UPDATE license SET state = 'RELEASED', released_at = now(), release_reason = ${reason}
      WHERE account_id = ${accountId} AND license_id = ${licenseId} AND state IN ('RESERVED', 'VALID') RETURNING 1`.execute(
      db,
    )
    if (rows.length > 0) {
      await sql`UPDATE installation SET license_id = NULL WHERE account_id = ${accountId} AND license_id = ${licenseId}`.execute(
        db,
      )
      await emitEvents(db, context.origin, [
        {
          type: 'license.released',
          accountId,
          licenseId,
          appId: license.appId,
          deviceId: license.deviceId,
          orderId: license.orderId,
          data: { reason, declared: true },
        },
      ])
      // after the event, which is told to who sees the device
      await forgetUnlicensed(db, { accountId, deviceIds: [license.deviceId] })
      const decided = installations.map((before) => ({
        before: { ...before, licenseId: null, licenseState: null },
        outcome: applyRelease(before),
      }))
      const wishes = await writeLicensed(db, decided, { origin: context.origin, reason: 'license-released' })
      if (wishes > 0) context.afterCommit(wake)
    }
    return await readLicense(inside, licenseId)
  })
}

/** A license that the caller sees, else not-found. */
export async function readLicense(context: Context, licenseId: string): Promise<License> {
  const [license] = await readLicenses(
    context.db,
    sql`l.account_id = ${context.caller.accountId} AND l.license_id = ${licenseId} AND ${seesDeviceOf(context)}`,
  )
  if (!license) throw notFound(`The license ${licenseId}`)
  return license
}

async function issue(
  db: DatabaseTransaction,
  { context, keys, licenseId, pair }: { context: Context; keys: LicenseKeys; licenseId: string; pair: Pair },
): Promise<void> {
  const license = { licenseId, accountId: context.caller.accountId, appId: pair.appId, deviceId: pair.deviceId }
  const answer = await issueReserved(db, keys, { license, origin: context.origin })
  if ('refused' in answer) throw new ProblemError('license-conflict', answer.refused)
}

async function requireVisible(
  { db, caller }: Context,
  { appId, deviceId }: Pair,
): Promise<{ asksForVendorKey: boolean }> {
  const { rows } = await sql<{ app: boolean; device: boolean; asksForVendorKey: boolean }>`SELECT
    ${pairAsksForVendorKey({ accountId: caller.accountId, appId, deviceId })} AS "asksForVendorKey",
    EXISTS (SELECT 1 FROM app a WHERE a.app_id = ${appId} AND ${appVisibleTo(caller)}) AS app,
    NOT EXISTS (SELECT 1 FROM device d WHERE d.account_id = ${caller.accountId} AND d.device_id = ${deviceId}
      AND NOT ${seesProjects(caller, sql.ref('d.project_ids'))}) AS device`.execute(db)
  if (!rows[0]?.app) throw notFound(`The app ${appId}`)
  if (!rows[0].device) throw notFound(`The device ${deviceId}`)
  return rows[0]
}

async function requireUnusedTrial({ db, caller }: Context, { appId, deviceId }: Pair): Promise<void> {
  const used = await db
    .selectFrom('trial_issued')
    .select('license_id')
    .where('account_id', '=', caller.accountId)
    .where('app_id', '=', appId)
    .where('device_id', '=', deviceId)
    .executeTakeFirst()
  if (used) throw new ProblemError('trial-used', 'The trial of this app was used on this device before.')
}
