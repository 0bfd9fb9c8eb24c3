import type { Grant, Order } from '@ocelli/contract'
import { type GrantClaims, type PublicLicenseKey, readUnverifiedGrant, verifyGrant } from '@ocelli/license'
import { sql } from 'kysely'
import { seesApp } from '../../platform/auth/visibility.ts'
import type { Database, DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Answer, Context } from '../../platform/http/route.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'
import { announceOrder } from '../orders/announce-order.ts'
import { readOrder } from '../orders/order-service.ts'

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export interface GrantDeps {
  keys: LicenseKeys
  nowMs: () => number
}

export async function listGrants({ db, caller }: Context): Promise<Grant[]> {
  const { rows } = await sql<Grant>`
    SELECT g.grant_id AS "grantId", g.app_id AS "appId", g.license_type AS "licenseType", g.quantity, g.term_days AS "termDays",
      g.maker_order AS "makerOrder", g.key_id AS "keyId", g.imported_at AS "importedAt",
      (SELECT o.order_id FROM app_order o WHERE o.grant_id = g.grant_id AND o.account_id = g.account_id
       ORDER BY o.placed_at LIMIT 1) AS "orderId"
    FROM order_grant g WHERE g.account_id = ${caller.accountId} AND ${seesApp(caller, sql`g.app_id`)}
    ORDER BY g.imported_at, g.grant_id`.execute(db)
  return rows
}

/**
 * Takes an app maker's word that units are paid for. Confirms the order that it names, else makes a confirmed one. A
 * grant counts once: the same one again gives the same order.
 */
export async function importGrant(context: Context, text: string, deps: GrantDeps): Promise<Answer<Order>> {
  const statement = text.trim()
  const { claims, keyId } = await verify(context.db, statement, deps)
  return await inTransaction(context.db, async (db) => {
    const inside = { ...context, db }
    await requireVisibleApp(inside, claims.app)
    const { rows } = await sql`
      INSERT INTO order_grant (grant_id, account_id, app_id, license_type, quantity, term_days, maker_order, key_id, statement, imported_by)
      VALUES (${claims.jti}, ${context.caller.accountId}, ${claims.app}, ${claims.typ}, ${claims.qty}, ${claims.term ?? null},
        ${claims.ord}, ${keyId}, ${statement}, ${context.caller.id}) ON CONFLICT DO NOTHING RETURNING 1`.execute(db)
    if (rows.length === 0) return { status: 200, body: await orderOf(inside, claims.jti) }
    const orderId = (await confirmNamed(db, context, claims)) ?? (await makeConfirmed(db, context, claims))
    const data = { grantId: claims.jti, makerOrder: claims.ord, keyId }
    await announceOrder(db, context.origin, { orderId, type: 'order.confirmed', data })
    return { status: 201, body: await readOrder(inside, orderId) }
  })
}

async function verify(db: Database, text: string, { keys, nowMs }: GrantDeps) {
  const said = readUnverifiedGrant(text)
  const isStorable = said && ![said.claims.app, said.claims.ord, said.keyId].some((text) => text.includes('\u0000'))
  if (!isStorable) throw invalid('damaged', 'The text is not a grant: it was cut off, changed, or is something else.')
  const { rows } = await sql<{ public_key: PublicLicenseKey }>`
    SELECT public_key FROM maker_key WHERE app_id = ${said.claims.app} AND key_id = ${said.keyId}`.execute(db)
  const verified = await verifyGrant(text, {
    ...{ trust: rows.map((row) => row.public_key), appId: said.claims.app },
    ...{ rootThumbprint: keys.root.kid, now: new Date(nowMs()) },
  })
  if (!verified.valid) throw invalid(verified.reason, verified.detail)
  return verified
}

/** What the maker grants, the maker's app may be installed with; projects of the own account still hold. */
async function requireVisibleApp({ db, caller }: Context, appId: string): Promise<void> {
  const { rows } =
    await sql`SELECT 1 FROM app a WHERE a.app_id = ${appId} AND ${seesApp(caller, sql.ref('a.app_id'))}`.execute(db)
  if (rows.length === 0) throw notFound(`The app ${appId}`)
}

async function orderOf(context: Context, grantId: string): Promise<Order> {
  const { rows } = await sql<{ order_id: string }>`
    SELECT o.order_id FROM order_grant g JOIN app_order o ON o.grant_id = g.grant_id AND o.account_id = g.account_id
    WHERE g.grant_id = ${grantId} AND g.account_id = ${context.caller.accountId} ORDER BY o.placed_at LIMIT 1`.execute(
    context.db,
  )
  if (!rows[0]) throw new ProblemError('grant-used', 'This grant was imported before, and counts once only.')
  return await readOrder(context, rows[0].order_id)
}

interface NamedOrder {
  account_id: string
  app_id: string
  license_type: string
  total: number
  state: string
}

/** The order on this platform that the grant names by its id; null when the maker's text is no such id. */
async function confirmNamed(db: DatabaseTransaction, context: Context, claims: GrantClaims): Promise<string | null> {
  if (!uuidForm.test(claims.ord)) return null
  const { rows } = await sql<NamedOrder>`SELECT account_id, app_id, license_type, total, state FROM app_order
    WHERE order_id = ${claims.ord}::uuid FOR UPDATE`.execute(db)
  const [order] = rows
  if (!order) return null
  if (order.account_id !== context.caller.accountId) throw notFound(`The order ${claims.ord} that the grant names`)
  const isSame = order.app_id === claims.app && order.license_type === claims.typ && order.total === claims.qty
  if (!isSame) {
    throw new ProblemError(
      'state-conflict',
      `The grant is for ${claims.qty} ${claims.typ} licenses of ${claims.app}, and the order that it names for ${order.total} ${order.license_type} licenses of ${order.app_id}.`,
    )
  }
  if (order.state !== 'PLACED') {
    throw new ProblemError('state-conflict', `The order that the grant names is ${order.state} already.`)
  }
  const orderId = claims.ord.toLowerCase()
  await sql`UPDATE app_order SET state = 'CONFIRMED', confirmed_at = now(), confirmed_by = ${`grant ${claims.jti}`},
      grant_id = ${claims.jti}, term_days = ${claims.term ?? null},
      valid_until = date_trunc('second', now()) + ${claims.term ?? null}::int * interval '1 day'
    WHERE order_id = ${orderId}`.execute(db)
  return orderId
}

async function makeConfirmed(db: DatabaseTransaction, context: Context, claims: GrantClaims): Promise<string> {
  const term = claims.term ?? null
  const { rows } = await sql<{ order_id: string }>`
    INSERT INTO app_order (account_id, app_id, license_type, total, state, term_days, valid_until, reference, confirmed_at, confirmed_by, grant_id)
    VALUES (${context.caller.accountId}, ${claims.app}, ${claims.typ}, ${claims.qty}, 'CONFIRMED', ${term},
      date_trunc('second', now()) + ${term}::int * interval '1 day', ${claims.ord}, now(), ${`grant ${claims.jti}`}, ${claims.jti})
    RETURNING order_id`.execute(db)
  return String(rows[0]?.order_id)
}

function invalid(reason: string, detail: string): ProblemError {
  return new ProblemError('grant-invalid', detail, { errors: [{ pointer: '/grant', code: reason, detail }] })
}
