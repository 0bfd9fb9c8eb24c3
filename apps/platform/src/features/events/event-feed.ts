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

/** Position of a reader: everything up to it was seen. */
export interface Cursor {
  xid: string
  eventId: string
}

export const encodeCursor = ({ xid, eventId }: Cursor): string => `${xid}-${eventId}`

export function decodeCursor(text: string): Cursor {
  const [, xid, eventId] = /^(\d{1,20})-(\d{1,19})$/.exec(text) ?? []
  if (!xid || !eventId) throw new ProblemError('invalid-request', 'This is not a cursor of the event log.')
  return { xid, eventId }
}

/**
 * Events after a cursor, oldest first. Only transactions below every running one are read, ordered by (xid, id): a row
 * that commits late is never skipped. People see events of their own projects' and of unassigned devices and apps.
 */
export async function readEvents(
  db: Database,
  caller: Caller,
  { filter, after, limit }: { filter: EventFilter; after: Cursor | null; limit: number },
): Promise<{ events: Event[]; cursor: Cursor | null }> {
  const conditions: RawBuilder<unknown>[] = [
    sql`account_id = ${caller.accountId}`,
    sql`xid < pg_snapshot_xmin(pg_current_snapshot())`,
  ]
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
    SELECT event_id::text AS "eventId", xid::text AS xid, type, at, actor_kind AS "actorKind", actor_id AS "actorId", device_id AS "deviceId",
      app_id AS "appId", license_id AS "licenseId", order_id AS "orderId", request_id AS "requestId", data
    FROM event WHERE ${sql.join(conditions, sql` AND `)} ORDER BY xid, event_id LIMIT ${limit}`.execute(db)
  const last = rows.at(-1)
  return {
    events: rows.map(({ actorKind, actorId, xid, ...event }) => ({
      ...event,
      eventId: encodeCursor({ xid, eventId: event.eventId }),
      actor: { kind: actorKind, id: actorId },
    })),
    cursor: last ? { xid: last.xid, eventId: last.eventId } : null,
  }
}

/** Where a stream without Last-Event-ID begins: after everything that is settled now. */
export async function presentCursor(db: Database): Promise<Cursor> {
  const { rows } = await sql<{ xid: string }>`SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xid`.execute(db)
  return { xid: rows[0]?.xid ?? '0', eventId: '0' }
}
