import { randomBytes } from 'node:crypto'
import type { EnrollmentTokenContent, Site, SiteBody } from '@ocelli/contract'
import { type Selectable, sql } from 'kysely'
import { hashToken } from '../../platform/auth/secret.ts'
import { brokenConstraint } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import type { SiteTable } from '../../platform/database/tables/sites.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { divideSites, type GatewayShare } from './share-store.ts'

export async function listSites({ db, caller }: Context): Promise<Site[]> {
  const rows = await db
    .selectFrom('site')
    .selectAll()
    .where('account_id', '=', caller.accountId)
    .orderBy('name')
    .orderBy('site_id')
    .execute()
  return rows.map(toSite)
}

export async function readSite({ db, caller }: Context, siteId: string): Promise<Site> {
  const row = await db
    .selectFrom('site')
    .selectAll()
    .where('account_id', '=', caller.accountId)
    .where('site_id', '=', siteId)
    .executeTakeFirst()
  if (!row) throw notFound(`The site ${siteId}`)
  return toSite(row)
}

export async function createSite({ db, caller, origin }: Context, body: SiteBody): Promise<Site> {
  checkTimeZone(body.timeZone)
  return await inTransaction(db, async (transaction) => {
    const row = await transaction
      .insertInto('site')
      .values({ account_id: caller.accountId, name: body.name, ...columnsOf(body) })
      .returningAll()
      .executeTakeFirstOrThrow()
      .catch((error: unknown) => refuseName(error, body.name))
    const data = { siteId: row.site_id, name: row.name }
    await emitEvents(transaction, origin, [{ type: 'site.created', accountId: caller.accountId, data }])
    return toSite(row)
  })
}

/** Gives the site as it now is, and what its gateways are to be told after COMMIT. */
export async function changeSite(
  { db, caller, origin }: Context,
  siteId: string,
  { body, nowMs }: { body: Partial<SiteBody>; nowMs: number },
): Promise<{ site: Site; shares: GatewayShare[] }> {
  checkTimeZone(body.timeZone)
  return await inTransaction(db, async (transaction) => {
    const row = await transaction
      .updateTable('site')
      .set({ ...(body.name === undefined ? {} : { name: body.name }), ...columnsOf(body) })
      .where('account_id', '=', caller.accountId)
      .where('site_id', '=', siteId)
      .returningAll()
      .executeTakeFirst()
      .catch((error: unknown) => refuseName(error, body.name ?? ''))
    if (!row) throw notFound(`The site ${siteId}`)
    const data = { siteId, changed: body }
    await emitEvents(transaction, origin, [{ type: 'site.changed', accountId: caller.accountId, data }])
    const shares = await divideSites(transaction, { siteIds: sql`SELECT ${siteId}::uuid`, nowMs })
    return { site: toSite(row), shares }
  })
}

/** Only a site without devices and gateways; revoked gateways that no device names any more go with it. */
export async function removeSite({ db, caller, origin }: Context, siteId: string): Promise<void> {
  const { accountId } = caller
  await inTransaction(db, async (transaction) => {
    await sql`DELETE FROM gateway g WHERE g.account_id = ${accountId} AND g.site_id = ${siteId}::uuid AND g.revoked_at IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM device d WHERE d.gateway_id = g.gateway_id)
      AND NOT EXISTS (SELECT 1 FROM device d WHERE d.account_id = g.account_id AND d.site_id = g.site_id)`.execute(
      transaction,
    )
    const row = await transaction
      .deleteFrom('site')
      .where('account_id', '=', accountId)
      .where('site_id', '=', siteId)
      .returning('name')
      .executeTakeFirst()
      .catch((error: unknown) => {
        if (!brokenConstraint(error)) throw error
        const detail =
          'The site still has devices or gateways. Move or unclaim the devices and revoke the gateways first.'
        throw new ProblemError('state-conflict', detail, { cause: error })
      })
    if (!row) throw notFound(`The site ${siteId}`)
    const data = { siteId, name: row.name }
    await emitEvents(transaction, origin, [{ type: 'site.removed', accountId, data }])
  })
}

export const enrollmentTokenHours = 1

/** Works once, for an hour. Only the hash of its secret is kept, so it is shown this one time. */
export async function createEnrollmentToken(
  context: Context,
  siteId: string,
  { caFingerprint, replaces }: { caFingerprint: string; replaces?: string },
): Promise<{ token: string; expiresAt: string }> {
  const { db, caller, origin } = context
  await readSite(context, siteId)
  const secret = randomBytes(32).toString('base64url')
  return await inTransaction(db, async (transaction) => {
    const row = await transaction
      .insertInto('enrollment_token')
      .values({
        token_hash: hashToken(secret),
        account_id: caller.accountId,
        site_id: siteId,
        replaces_gateway_id: replaces ?? null,
        expires_at: sql<string>`now() + make_interval(hours => ${enrollmentTokenHours})`,
      })
      .returning('expires_at')
      .executeTakeFirstOrThrow()
    const data = { siteId, expiresAt: row.expires_at, ...(replaces ? { replaces } : {}) }
    const type = 'gateway.enrollment-token-created'
    await emitEvents(transaction, origin, [{ type, accountId: caller.accountId, data }])
    const content: EnrollmentTokenContent = { secret, siteId, caFingerprint, ...(replaces ? { replaces } : {}) }
    return { token: `oet1.${Buffer.from(JSON.stringify(content)).toString('base64url')}`, expiresAt: row.expires_at }
  })
}

const columnsOf = ({
  timeZone,
  maxInFlight,
  downloadBytesPerSecond,
  uploadBytesPerSecond,
  budgetHours,
  repair,
  addressRanges,
}: Partial<SiteBody>) => ({
  ...(downloadBytesPerSecond === undefined ? {} : { download_bytes_per_second: downloadBytesPerSecond }),
  ...(uploadBytesPerSecond === undefined ? {} : { upload_bytes_per_second: uploadBytesPerSecond }),
  ...(budgetHours === undefined ? {} : { budget_hours: JSON.stringify(budgetHours) }),
  ...(timeZone === undefined ? {} : { time_zone: timeZone }),
  ...(maxInFlight === undefined ? {} : { max_in_flight: maxInFlight }),
  ...(repair === undefined ? {} : { repair }),
  ...(addressRanges === undefined ? {} : { address_ranges: addressRanges }),
})

/** Rollout windows are computed in it: a name that nobody knows must not get in. */
function checkTimeZone(timeZone: string | undefined): void {
  if (timeZone === undefined) return
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch (cause) {
    const errors = [{ pointer: '/timeZone', code: 'unknown', detail: 'is no IANA time zone' }]
    const detail = `"${timeZone}" is no IANA time zone, such as Europe/Berlin.`
    throw new ProblemError('invalid-request', detail, { errors, cause })
  }
}

function refuseName(error: unknown, name: string): never {
  if (brokenConstraint(error)?.constraint !== 'site_account_id_name_key') throw error
  throw new ProblemError('already-exists', `There is a site named "${name}" already.`, { cause: error })
}

const toSite = (row: Selectable<SiteTable>): Site => ({
  siteId: row.site_id,
  name: row.name,
  timeZone: row.time_zone,
  maxInFlight: row.max_in_flight,
  downloadBytesPerSecond: row.download_bytes_per_second,
  uploadBytesPerSecond: row.upload_bytes_per_second,
  budgetHours: row.budget_hours,
  repair: row.repair,
  addressRanges: row.address_ranges,
  createdAt: row.created_at,
})
