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

export function decodeCursor(text: string): Cursor {
  const [, xid, eventId] = /^(\d{1,20})-(\d{1,19})$/.exec(text) ?? []
  if (!xid || !eventId || BigInt(xid) >= 2n ** 64n || BigInt(eventId) >= 2n ** 63n)
    throw new ProblemError('invalid-request', 'This is not a cursor of the event log.')
  return { xid, eventId }
}

/**
 * Events after a cursor, oldest first. Only transactions below every running one of this database (`event_horizon`)
 * are read, ordered by (xid, id): a row that commits late is never skipped. People see events of their own projects' and of unassigned devices and apps.
 */
export async function readEvents(
  db: Database,
  caller: Caller,
  { filter, after, limit }: { filter: EventFilter; after: Cursor | null; limit: number },
): Promise<{ events: Event[]; cursor: Cursor | null }> {
  const conditions: RawBuilder<unknown>[] = [sql`account_id = ${caller.accountId}`, sql`xid < event_horizon()`]
  if (!caller.scope.all) {
    conditions.push(
      sql`(project_ids IS NULL OR project_ids = '{}' OR project_ids && ${caller.scope.projectIds}::uuid[])`,
    )
  }
  if (after) conditions.push(sql`(xid, event_id) > (${after.xid}::text::xid8, ${after.eventId}::bigint)`)
  if (filter.type) conditions.push(sql`type = ${filter.type}`)
  if (filter.deviceId) conditions.push(sql`device_id = ${filter.deviceId}`)
  if (filter.appId) conditions.push(sql`app_id = ${filter.appId}`)
  if (filter.licenseId) conditions.push(sql`license_id = ${filter.licenseId}`)
  if (filter.from) conditions.push(sql`at >= ${filter.from}::timestamptz`)
  if (filter.to) conditions.push(sql`at < ${filter.to}::timestamptz`)
  const { rows } = await sql<EventRow>`
    SELECT ${columns} FROM event WHERE ${sql.join(conditions, sql` AND `)} ORDER BY event.xid, event.event_id
    LIMIT ${limit}`.execute(db)
  const last = rows.at(-1)
  return { events: rows.map(toEvent), cursor: last ? { xid: last.xid, eventId: last.eventId } : null }
}

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
