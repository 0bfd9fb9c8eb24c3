import type { ServerResponse } from 'node:http'
import type { EventStreamQuery } from '@ocelli/contract'
import type { Caller } from '../../platform/auth/caller.ts'
import type { Database } from '../../platform/database/database.ts'
import { type Cursor, encodeCursor, later } from './event-cursor.ts'
import { isFor } from './event-feed.ts'
import { type AccountFeed, toText } from './event-hub.ts'
import { readEvents } from './read-events.ts'

export interface StreamTimes {
  /** A comment and the present position, so that nothing in between takes the line for dead. */
  heartbeatEveryMs: number
  /** How often the caller's permission is looked at. */
  checkedEveryMs: number
  /** A reader that takes nothing for so long is dropped; it resumes by its last id. */
  stalledAfterMs: number
}

export const streamTimes: StreamTimes = { heartbeatEveryMs: 15_000, checkedEveryMs: 5000, stalledAfterMs: 30_000 }

/** Read at once where a reader has fallen behind what is held for all. */
const page = 100

/**
 * Writes a caller's events until the signal aborts, the permission is gone, or the reader takes nothing more. Nothing is
 * queued for a slow reader: it goes on where it stands, from what is held for all, else from the database.
 */
export async function streamEvents(
  { db, feed, out, signal }: { db: Database; feed: AccountFeed; out: ServerResponse; signal: AbortSignal },
  {
    after,
    filter,
    caller: first,
    recheck,
    times,
  }: {
    after: Cursor
    filter: EventStreamQuery
    caller: Caller
    /** The caller as it is now; null when it may no longer read. */
    recheck: () => Promise<Caller | null>
    times: StreamTimes
  },
): Promise<void> {
  let [cursor, caller] = [after, first]
  let [saidAtMs, checkedAtMs] = [performance.now(), performance.now()]
  const say = async (text: string) => {
    saidAtMs = performance.now()
    return await taken(out, text, times.stalledAfterMs)
  }

  /** Gives the events after the cursor and where the reader stands when it has them. */
  async function next(): Promise<{ texts: string[]; upTo: Cursor }> {
    // A reader that comes from another process may be ahead of this one's feed.
    const known = later(cursor, feed.position())
    const held = feed.after(cursor)
    if (held) return { texts: held.filter((one) => isFor(caller, filter, one)).map(({ text }) => text), upTo: known }
    const { events, cursor: last, hasMore } = await readEvents(db, caller, { filter, after: cursor, limit: page })
    // What ends at the present has seen all that the feed had seen before.
    return { texts: events.map(toText), upTo: hasMore ? (last ?? cursor) : later(last ?? cursor, known) }
  }

  // The id comes before any event: a reader cut off at once still resumes where it began.
  if (!(await say(`retry: 3000\nid: ${encodeCursor(after)}\n\n`))) return
  while (!signal.aborted) {
    if (performance.now() - checkedAtMs >= times.checkedEveryMs) {
      checkedAtMs = performance.now()
      const now = await recheck()
      if (!now) return
      caller = now
    }
    const { texts, upTo } = await next()
    for (const text of texts) if (!(await say(text))) return
    cursor = upTo
    if (performance.now() - saidAtMs >= times.heartbeatEveryMs)
      if (!(await say(`: still here\nid: ${encodeCursor(cursor)}\n\n`))) return
    if (feed.after(cursor)?.length !== 0) continue
    const [heartbeatMs, checkMs] = [saidAtMs + times.heartbeatEveryMs, checkedAtMs + times.checkedEveryMs]
    await feed.changed({ timeoutMs: Math.max(1, Math.min(heartbeatMs, checkMs) - performance.now()), signal })
  }
}

/** Whether the reader has room for more, waiting for it so long. */
function taken(out: ServerResponse, text: string, stalledAfterMs: number): boolean | Promise<boolean> {
  if (!out.writable) return false
  if (out.write(text)) return true
  return new Promise((resolve) => {
    const finish = (isTaken: boolean) => () => {
      clearTimeout(timer)
      out.off('drain', onDrain).off('close', onClose)
      resolve(isTaken)
    }
    const [onDrain, onClose] = [finish(true), finish(false)]
    const timer = setTimeout(() => {
      out.destroy()
      onClose()
    }, stalledAfterMs)
    out.once('drain', onDrain).once('close', onClose)
  })
}
