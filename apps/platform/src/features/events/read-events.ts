import type { Event } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import type { Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { type Cursor, decodeCursor, later } from './event-cursor.ts'
import { columns, type EventRow, toEvent } from './event-row.ts'

export interface EventFilter {
  type?: string
  deviceId?: string
  appId?: string
  licenseId?: string
  from?: string
  to?: string
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
  return await inTransaction(db, async (transaction) => {
    await walkInOrder(transaction)
    return await look(transaction, caller, { conditions, after: after ?? nowhere, limit, reach })
  })
}

/**
 * For the rest of the transaction rows come in the order of an index, as they are wanted. Else a planner that takes the account for a
 * small one, by an average over all accounts or because nothing was analyzed yet, reads all of its log at each look to sort it.
 */
const walkInOrder = (db: Database) =>
  sql`SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_sort']) AS name`.execute(
    db,
  )

/** Looks ahead until enough is found, the present is reached, or it was far enough for one reading. */
async function look(
  db: Database,
  caller: Caller,
  { conditions, after, limit, reach }: Sifting & { after: Cursor; reach: Reach },
): Promise<EventsRead> {
  const found: Event[] = []
  let cursor = after
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

interface Sifting {
  conditions: RawBuilder<unknown>[]
  limit: number
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
  { conditions, after, limit, upTo }: Sifting & { after: Cursor | null; upTo: Cursor | null },
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
