import type { Event } from '@ocelli/contract'
import type { Logger } from 'pino'
import type { Database } from '../../platform/database/database.ts'
import { every } from '../../platform/every.ts'
import { type Cursor, compareCursors, presentCursor } from './event-cursor.ts'
import { readNewEvents } from './event-feed.ts'

export interface HeldEvent {
  event: Event
  projectIds: string[] | null
  cursor: Cursor
  /** As a server-sent event, made once for all streams. */
  text: string
}

/** The newest events of one account, which all its streams share. */
export interface AccountFeed {
  /** All before it is settled and known here, or was. */
  position(): Cursor
  /** Null when the cursor lies before what is held: such a reader goes to the database. */
  after(cursor: Cursor): HeldEvent[] | null
  /** Resolves when more has come, when the signal aborts, or after `timeoutMs`. */
  changed(options: { timeoutMs: number; signal: AbortSignal }): Promise<void>
  leave(): void
}

export interface EventHub {
  /** The feed of an account lives while somebody follows it. */
  follow(accountId: string): Promise<AccountFeed>
}

export interface HubLimits {
  pollEveryMs?: number
  heldPerAccount?: number
}

interface Feed {
  followers: number
  /** What is held begins after this. */
  floor: Cursor
  /** Null until the first look at the database. */
  position: Cursor | null
  held: HeldEvent[]
  waiting: Set<() => void>
  ready: Promise<Cursor>
}

const readAtOnce = 500

/**
 * One statement a turn asks for the news of all followed accounts, however many streams are open; none while nobody
 * follows. Each account's newest `heldPerAccount` events are kept, so a slow stream costs no memory of its own.
 */
export function createEventHub(options: { db: Database; log: Logger } & HubLimits): EventHub {
  const { db, log, pollEveryMs = 500, heldPerAccount = 1000 } = options
  const feeds = new Map<string, Feed>()
  let polling: { close: () => Promise<void> } | null = null

  async function poll(): Promise<void> {
    const positions = [...feeds].flatMap(([accountId, { position }]) =>
      position ? [{ accountId, after: position }] : [],
    )
    if (positions.length === 0) return
    for (const { accountId, events, upTo } of await readNewEvents(db, positions, readAtOnce)) {
      const feed = feeds.get(accountId)
      // A feed that was left and followed anew meanwhile has a later position than was asked from.
      if (!feed?.position || compareCursors(feed.position, upTo) >= 0) continue
      const news = events.filter(({ cursor }) => compareCursors(cursor, feed.position ?? cursor) > 0)
      feed.position = upTo
      if (news.length === 0) continue
      feed.held.push(...news.map((one) => ({ ...one, text: toText(one.event) })))
      const dropped = feed.held.splice(0, Math.max(0, feed.held.length - heldPerAccount))
      feed.floor = dropped.at(-1)?.cursor ?? feed.floor
      for (const wake of feed.waiting) wake()
    }
  }

  function begin(): Feed {
    const nowhere = { xid: '0', eventId: '0' }
    const waiting = new Set<() => void>()
    const feed: Feed = { followers: 0, floor: nowhere, position: null, held: [], waiting, ready: presentCursor(db) }
    feed.ready = feed.ready.then((present) => {
      feed.floor = present
      feed.position = present
      return present
    })
    return feed
  }

  function leave(accountId: string, feed: Feed): void {
    feed.followers -= 1
    if (feed.followers > 0) return
    feeds.delete(accountId)
    if (feeds.size > 0) return
    void polling?.close()
    polling = null
  }

  return {
    async follow(accountId) {
      const feed = feeds.get(accountId) ?? begin()
      feeds.set(accountId, feed)
      feed.followers += 1
      polling ??= every({ name: 'new events', intervalMs: pollEveryMs, run: poll }, log)
      const begun = await feed.ready.catch((error: unknown) => {
        leave(accountId, feed)
        throw error
      })
      let hasLeft = false
      return {
        position: () => feed.position ?? begun,
        after: (cursor) =>
          compareCursors(cursor, feed.floor) < 0
            ? null
            : feed.held.slice(feed.held.findLastIndex((one) => compareCursors(one.cursor, cursor) <= 0) + 1),
        changed: ({ timeoutMs, signal }) => changed(feed.waiting, { timeoutMs, signal }),
        leave() {
          if (!hasLeft) leave(accountId, feed)
          hasLeft = true
        },
      }
    },
  }
}

export const toText = (event: Event): string =>
  `id: ${event.eventId}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`

function changed(waiting: Set<() => void>, { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }) {
  return new Promise<void>((resolve) => {
    if (signal.aborted) return resolve()
    const finish = () => {
      clearTimeout(timer)
      waiting.delete(finish)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, timeoutMs)
    waiting.add(finish)
    signal.addEventListener('abort', finish, { once: true })
  })
}
