import type { Event } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import type { Database } from '../../platform/database/database.ts'
import { type Cursor, compareCursors } from './event-cursor.ts'
import { columns, type EventRow, toEvent } from './event-row.ts'
import type { EventFilter } from './read-events.ts'

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
