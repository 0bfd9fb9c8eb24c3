import type { Event } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import type { Database } from '../../platform/database/database.ts'
import { ProblemError } from '../../platform/http/problem.ts'

export interface EventFilter {
  type?: string
  deviceId?: string
  appId?: string
  licenseId?: string
  from?: string
  to?: string
}

interface EventRow extends Omit<Event, 'actor'> {
  actorKind: Event['actor']['kind']
  actorId: string | null
  xid: string
}

/** Order by `event.xid`: a bare `xid` would be this text. */
const columns = sql`event_id::text AS "eventId", xid::text AS xid, type, at, actor_kind AS "actorKind", actor_id AS "actorId",
  device_id AS "deviceId", app_id AS "appId", license_id AS "licenseId", order_id AS "orderId", request_id AS "requestId", data`

/** Position of a reader: everything up to it was seen. */
export interface Cursor {
  xid: string
  eventId: string
}

export const encodeCursor = ({ xid, eventId }: Cursor): string => `${xid}-${eventId}`

/** Negative where `one` comes first. */
export function compareCursors(one: Cursor, other: Cursor): number {
  const byXid = BigInt(one.xid) - BigInt(other.xid)
  return Number(byXid !== 0n ? byXid : BigInt(one.eventId) - BigInt(other.eventId))
}

/** The one that comes last. */
export const later = (one: Cursor, other: Cursor): Cursor => (compareCursors(one, other) < 0 ? other : one)

export function decodeCursor(text: string): Cursor {
  const [, xid, eventId] = /^(\d{1,20})-(\d{1,19})$/.exec(text) ?? []
  if (!xid || !eventId || BigInt(xid) >= 2n ** 64n || BigInt(eventId) >= 2n ** 63n)
    throw new ProblemError('invalid-request', 'This is not a cursor of the event log. Start again without it.')
  return { xid, eventId }
}

export interface EventsRead {
  events: Event[]
  /** Everything up to here was looked at: the reader goes on behind it. Null: nothing was, and it began nowhere. */
  cursor: Cursor | null
  /** False: this was all there is at present. */
  hasMore: boolean
}

/** How many events one reading looks through for those that fit; the first looks are short, since most filters fit often. */
export interface Reach {
  first: number
  most: number
  total: number
}

const usualReach: Reach = { first: 1000, most: 64_000, total: 500_000 }
const nowhere: Cursor = { xid: '0', eventId: '0' }

/**
 * Events after a cursor, oldest first. Only transactions below every running one of this database (`event_horizon`)
 * are read, ordered by (xid, id): a row that commits late is never skipped. People see events of their own projects' and of unassigned devices and apps.
 *
 * What fits seldom is looked for in a part of the log only: fewer events than asked for, or none, then come with `hasMore`.
 */
export async function readEvents(
  db: Database,
  caller: Caller,
  { filter, after, limit, reach = usualReach }: ReadOptions,
): Promise<EventsRead> {
  const conditions = fitting(caller, filter)
  // each row that is read fits, or those of one device are found by their index
  if (conditions.length === 0 || filter.deviceId || filter.licenseId) {
    const events = await readFitting(db, caller, { conditions, after, limit, upTo: null })
    return { events, cursor: cursorOf(events.at(-1)) ?? after, hasMore: events.length === limit }
  }
  const found: Event[] = []
  let cursor = after ?? nowhere
  let length = reach.first
  for (let seen = 0; seen < reach.total; length = Math.min(4 * length, reach.most)) {
    const { upTo, isPresent } = await lookAhead(db, caller, { after: cursor, length })
    found.push(...(await readFitting(db, caller, { conditions, after: cursor, limit: limit - found.length, upTo })))
    if (found.length === limit) return { events: found, cursor: cursorOf(found.at(-1)) ?? cursor, hasMore: true }
    cursor = later(cursor, upTo)
    seen += length
    if (isPresent) return { events: found, cursor, hasMore: false }
  }
  return { events: found, cursor, hasMore: true }
}

interface ReadOptions {
  filter: EventFilter
  after: Cursor | null
  limit: number
  reach?: Reach
}

/** What the rows of an account must be beside settled. */
function fitting({ scope }: Caller, filter: EventFilter): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = []
  if (!scope.all) {
    conditions.push(sql`(project_ids IS NULL OR project_ids = '{}' OR project_ids && ${scope.projectIds}::uuid[])`)
  }
  if (filter.type) conditions.push(sql`type = ${filter.type}`)
  if (filter.deviceId) conditions.push(sql`device_id = ${filter.deviceId}`)
  if (filter.appId) conditions.push(sql`app_id = ${filter.appId}`)
  if (filter.licenseId) {
    // each event of a license names its device: found by the devices' index, where one of their own would cost every writer a third more
    conditions.push(sql`license_id = ${filter.licenseId}
      AND device_id = (SELECT l.device_id FROM license l WHERE l.license_id = ${filter.licenseId})`)
  }
  if (filter.from) conditions.push(sql`at >= ${filter.from}::timestamptz`)
  if (filter.to) conditions.push(sql`at < ${filter.to}::timestamptz`)
  return conditions
}

async function readFitting(
  db: Database,
  { accountId }: Caller,
  {
    conditions,
    after,
    limit,
    upTo,
  }: { conditions: RawBuilder<unknown>[]; after: Cursor | null; limit: number; upTo: Cursor | null },
): Promise<Event[]> {
  const all = [
    sql`account_id = ${accountId}`,
    upTo ? sql`(xid, event_id) <= ${rowOf(upTo)}` : sql`xid < event_horizon()`,
    ...(after ? [isAfter(after)] : []),
    ...conditions,
  ]
  const { rows } = await sql<EventRow>`
    SELECT ${columns} FROM event WHERE ${sql.join(all, sql` AND `)} ORDER BY event.xid, event.event_id
    LIMIT ${limit}`.execute(db)
  return rows.map(toEvent)
}

/** So many settled events ahead, by the primary key alone; the present where there are fewer. */
async function lookAhead(
  db: Database,
  { accountId }: Caller,
  { after, length }: { after: Cursor; length: number },
): Promise<{ upTo: Cursor; isPresent: boolean }> {
  const { rows } = await sql<{ horizon: string } & (Cursor | { xid: null })>`
    SELECT h.horizon::text AS horizon, e.xid::text AS xid, e.event_id::text AS "eventId"
    FROM (SELECT event_horizon() AS horizon OFFSET 0) AS h LEFT JOIN LATERAL (
      SELECT xid, event_id FROM event WHERE account_id = ${accountId} AND xid < h.horizon AND ${isAfter(after)}
      ORDER BY xid, event_id OFFSET ${length - 1} LIMIT 1) e ON true`.execute(db)
  const [found] = rows
  if (found && found.xid !== null) return { upTo: { xid: found.xid, eventId: found.eventId }, isPresent: false }
  return { upTo: { xid: found?.horizon ?? '0', eventId: '0' }, isPresent: true }
}

const rowOf = ({ xid, eventId }: Cursor) => sql`(${xid}::text::xid8, ${eventId}::bigint)`
const isAfter = (cursor: Cursor) => sql`(xid, event_id) > ${rowOf(cursor)}`
const cursorOf = (event: Event | undefined): Cursor | null => (event ? decodeCursor(event.eventId) : null)

function toEvent({ actorKind, actorId, xid, ...event }: EventRow): Event {
  return {
    ...event,
    eventId: encodeCursor({ xid, eventId: event.eventId }),
    actor: { kind: actorKind, id: actorId },
  }
}

export interface NewEvents {
  accountId: string
  events: { event: Event; projectIds: string[] | null; cursor: Cursor }[]
  /** All of the account's events up to here are among those. */
  upTo: Cursor
}

/** What came to several accounts, each after a position of its own, in one statement. */
export async function readNewEvents(
  db: Database,
  positions: { accountId: string; after: Cursor }[],
  limitPerAccount: number,
): Promise<NewEvents[]> {
  type Row = { accountId: string; horizon: string; projectIds: string[] | null } & (EventRow | { xid: null })
  const { rows } = await sql<Row>`
    SELECT a.account_id AS "accountId", h.horizon::text AS horizon, e.*
    FROM (SELECT event_horizon() AS horizon OFFSET 0) AS h, unnest(${positions.map(({ accountId }) => accountId)}::uuid[], ${positions.map(({ after }) => after.xid)}::text[],
      ${positions.map(({ after }) => after.eventId)}::bigint[]) AS a (account_id, xid, event_id)
    LEFT JOIN LATERAL (
      SELECT ${columns}, project_ids AS "projectIds" FROM event
      WHERE event.account_id = a.account_id AND (event.xid, event.event_id) > (a.xid::xid8, a.event_id)
        AND event.xid < h.horizon
      ORDER BY event.xid, event.event_id LIMIT ${limitPerAccount}) e ON true`.execute(db)
  return [...Map.groupBy(rows, ({ accountId }) => accountId)].map(([accountId, found]) => {
    const events = found
      .flatMap(({ accountId: _account, horizon: _horizon, projectIds, ...row }) =>
        row.xid === null ? [] : [{ event: toEvent(row), projectIds, cursor: { xid: row.xid, eventId: row.eventId } }],
      )
      .sort((one, other) => compareCursors(one.cursor, other.cursor))
    const last = events.length >= limitPerAccount ? events.at(-1)?.cursor : undefined
    return { accountId, events, upTo: last ?? { xid: found[0]?.horizon ?? '0', eventId: '0' } }
  })
}

/**
 * Throws `invalid-request` for a position that this database has not reached: after an import or a restore the numbers of
 * transactions are others, and such a reader would hear nothing for a long time.
 */
export async function refuseForeignCursor(db: Database, { xid }: Cursor): Promise<void> {
  const { rows } = await sql<{ isAhead: boolean }>`
    SELECT ${xid}::text::xid8 > pg_snapshot_xmax(pg_current_snapshot()) AS "isAhead"`.execute(db)
  if (!rows[0]?.isAhead) return
  throw new ProblemError(
    'invalid-request',
    'This cursor comes from before the platform was restored or moved. Read on without it; nothing can say what was missed.',
  )
}

/** Where a reader begins who wants what comes from now on: after everything that is settled. */
export async function presentCursor(db: Database): Promise<Cursor> {
  const { rows } = await sql<{ xid: string }>`SELECT event_horizon()::text AS xid`.execute(db)
  return { xid: rows[0]?.xid ?? '0', eventId: '0' }
}

/** As the conditions of `readEvents`, for an event that is in memory already. */
export function isFor(
  caller: Pick<Caller, 'scope'>,
  filter: EventFilter,
  { event, projectIds }: { event: Event; projectIds: string[] | null },
): boolean {
  const { scope } = caller
  if (!scope.all && projectIds?.length && !projectIds.some((id) => scope.projectIds.includes(id))) return false
  return (['type', 'deviceId', 'appId', 'licenseId'] as const).every(
    (name) => filter[name] === undefined || filter[name] === event[name],
  )
}
