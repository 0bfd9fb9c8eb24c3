import { createHash } from 'node:crypto'
import type { DeviceQuery } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import { seesProjects } from '../../platform/auth/visibility.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'

const defaultSize = 1000

/**
 * The page as JSON text, joined from the text that each row keeps (migration 0005): building a thousand devices for each
 * answer, in PostgreSQL or here, takes three times as long as everything else. Joined here, since `string_agg` takes 4.2 ms
 * until 761 kB have arrived, the rows by themselves 1.6 ms.
 * Past the end `items` is empty. A cursor costs the same at every depth.
 */
export async function listDevices(context: Context, query: DeviceQuery): Promise<Buffer> {
  const size = query.size ?? defaultSize
  const after = query.cursor === undefined ? null : readCursor(query)
  if (after !== null && query.page !== undefined) {
    throw new ProblemError('invalid-request', 'Give either page or cursor, not both.', {
      errors: [{ pointer: '/cursor', code: 'exclusive', detail: 'excludes page' }],
    })
  }
  const page = query.page ?? 0
  const position = after === null ? { page } : { after }
  const { rows } = await devicePage(context.caller, query, position).execute(context.db)
  const last = rows.length === size ? rows.at(-1) : undefined
  const nextCursor = last ? makeCursor(query, last.device_id) : null
  const total = query.count ? await countDevices(context, filterOf(context.caller, query)) : null
  // by one join: what is put together in two steps is copied twice
  const parts = ['{"items":[']
  for (const { document } of rows) parts.push(document, ',')
  if (rows.length > 0) parts.pop()
  parts.push(`],"page":${page},"size":${size},"nextCursor":${JSON.stringify(nextCursor)},"total":${total}}`)
  return Buffer.from(parts.join(''))
}

/** The statement of one page: after a device, or the page of that number. */
export function devicePage(
  caller: Caller,
  query: DeviceQuery,
  { after, page = 0 }: { after?: string; page?: number },
): RawBuilder<{ device_id: string; document: string }> {
  const size = query.size ?? defaultSize
  const start = after === undefined ? sql`` : sql`AND d.device_id > ${after}`
  const offset = page > 0 ? sql`OFFSET ${page * size}` : sql``
  return sql`SELECT d.device_id, d.document FROM device d
    WHERE ${filterOf(caller, query)} ${start} ORDER BY d.device_id LIMIT ${size} ${offset}`
}

async function countDevices({ db }: Context, filter: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{ total: number }>`SELECT count(*)::int AS total FROM device d WHERE ${filter}`.execute(db)
  return rows[0]?.total ?? 0
}

/** The condition on `device d` under which a device is in the list. */
export function filterOf(caller: Pick<Caller, 'accountId' | 'scope'>, query: DeviceQuery): RawBuilder<unknown> {
  const conditions = [sql`d.account_id = ${caller.accountId}`]
  if (!caller.scope.all) conditions.push(seesProjects(caller, sql.ref('d.project_ids')))
  // a literal, because a partial index is matched when the statement is planned
  if (query.state) conditions.push(sql`d.state = ${sql.lit(query.state)}`)
  if (query.connectivity) conditions.push(sql`d.connectivity = ${query.connectivity}`)
  if (query.appsUpdatePossible === true) conditions.push(sql`d.apps_update_possible`)
  if (query.appsUpdatePossible === false) conditions.push(sql`NOT d.apps_update_possible`)
  if (query.siteId) conditions.push(sql`d.site_id = ${query.siteId}`)
  if (query.gatewayId) conditions.push(sql`d.gateway_id = ${query.gatewayId}`)
  if (query.model !== undefined) conditions.push(sql`d.model = ${query.model}`)
  if (query.customer !== undefined) conditions.push(sql`d.customer = ${query.customer}`)
  if (query.tag !== undefined) conditions.push(sql`d.tags @> ARRAY[${query.tag}]::text[]`)
  if (query.projectId) conditions.push(sql`d.project_ids @> ARRAY[${query.projectId}]::uuid[]`)
  if (query.appId) {
    conditions.push(sql`EXISTS (SELECT 1 FROM installation i WHERE i.account_id = d.account_id AND i.device_id = d.device_id
      AND i.app_id = ${query.appId} AND (i.present OR i.presence = 'PRESENT'))`)
  }
  if (query.q) {
    const pattern = `%${query.q.replace(/[\\%_]/g, '\\$&')}%`
    conditions.push(sql`(d.device_id ILIKE ${pattern} OR d.name ILIKE ${pattern} OR d.model ILIKE ${pattern}
      OR d.address ILIKE ${pattern} OR d.location ILIKE ${pattern} OR d.customer ILIKE ${pattern})`)
  }
  return sql.join(conditions, sql` AND `)
}

/** A cursor belongs to the filters it was made with. */
function filterHash({ page: _page, size: _size, cursor: _cursor, count: _count, ...filters }: DeviceQuery): string {
  const sorted = Object.entries(filters).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url').slice(0, 12)
}

function makeCursor(query: DeviceQuery, deviceId: string): string {
  return Buffer.from(JSON.stringify([filterHash(query), deviceId])).toString('base64url')
}

function readCursor(query: DeviceQuery): string {
  const content = parseJson(Buffer.from(query.cursor ?? '', 'base64url').toString())
  const [hash, deviceId] = Array.isArray(content) ? content : []
  if (hash === filterHash(query) && typeof deviceId === 'string' && !deviceId.includes('\0')) return deviceId
  throw new ProblemError(
    'invalid-request',
    'This cursor is not valid here. Start again without it; a cursor belongs to the filters it was made with.',
    {
      errors: [{ pointer: '/cursor', code: 'invalid', detail: 'is not a cursor of this list' }],
    },
  )
}

/** Null for what is not JSON, which a cursor of ours never is. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
