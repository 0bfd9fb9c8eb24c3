import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { ProblemError } from '../../platform/http/problem.ts'

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
