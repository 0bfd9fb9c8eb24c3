import { setTimeout as pause } from 'node:timers/promises'
import { EventPage, EventQuery, EventStreamQuery } from '@ocelli/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Authenticator, Caller } from '../../platform/auth/caller.ts'
import type { Database } from '../../platform/database/database.ts'
import { type AnyRoute, ok, route, streamed } from '../../platform/http/route.ts'
import { type Cursor, decodeCursor, type EventFilter, encodeCursor, presentCursor, readEvents } from './event-feed.ts'

const pollEveryMs = 1000
const heartbeatEveryMs = 15_000
const checkedEveryMs = 5000
const batch = 500

export interface EventRoutesDeps {
  db: Database
  authenticate: Authenticator
  /** Ends with the platform: open streams end too. */
  closing: AbortSignal
}

export function eventRoutes(deps: EventRoutesDeps): AnyRoute[] {
  return [
    route({
      method: 'GET',
      path: '/events/v1',
      access: 'audit:view',
      tag: 'Events',
      summary: 'Events, oldest first; nextCursor reads on, also later',
      query: EventQuery,
      responses: { 200: EventPage },
      handle: async ({ context, query: { cursor, size, ...filter } }) => {
        const after = cursor === undefined ? null : decodeCursor(cursor)
        const { events, cursor: next } = await readEvents(context.db, context.caller, {
          filter,
          after,
          limit: size ?? 100,
        })
        const nextCursor = next ? encodeCursor(next) : (cursor ?? null)
        return ok({ items: events, nextCursor })
      },
    }),
    route({
      method: 'GET',
      path: '/events/v1/stream',
      access: 'audit:view',
      tag: 'Events',
      summary: 'Events as they happen (server-sent events); Last-Event-ID resumes',
      query: EventStreamQuery,
      responses: { 200: null },
      handle: streamed,
      stream: async ({ context, query, raw }, reply) => {
        const last = raw.headers['last-event-id']
        const after = typeof last === 'string' ? decodeCursor(last) : await presentCursor(deps.db)
        return await stream(deps, { caller: context.caller, filter: query, after, request: raw, reply })
      },
    }),
  ]
}

interface Stream {
  caller: Caller
  filter: EventStreamQuery & EventFilter
  after: Cursor
  request: FastifyRequest
  reply: FastifyReply
}

async function stream(deps: EventRoutesDeps, { caller, filter, after, request, reply }: Stream): Promise<void> {
  reply.hijack()
  const out = reply.raw
  const gone = new AbortController()
  out.once('close', () => gone.abort())
  const signal = AbortSignal.any([gone.signal, deps.closing])
  out.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-request-id': request.id,
  })
  // the id comes before any event: a reader cut off at once still resumes where it began
  out.write(`retry: 3000\nid: ${encodeCursor(after)}\n\n`)
  let cursor = after
  let quietMs = 0
  let uncheckedMs = 0
  while (!signal.aborted) {
    if (uncheckedMs >= checkedEveryMs) {
      uncheckedMs = 0
      // a revoked token or a lost permission ends the stream
      const now = await deps.authenticate({ headers: request.headers, method: 'GET' }).catch(() => null)
      if (!now?.permissions.has('audit:view')) break
      caller = now
    }
    const { events, cursor: next } = await readEvents(deps.db, caller, { filter, after: cursor, limit: batch })
    for (const event of events) {
      const isTaken = out.write(`id: ${event.eventId}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
      if (!isTaken)
        await new Promise<void>((resolve) =>
          out.writable ? out.once('drain', resolve).once('close', resolve) : resolve(),
        )
    }
    if (next) cursor = next
    quietMs = events.length > 0 ? 0 : quietMs + pollEveryMs
    if (quietMs >= heartbeatEveryMs) {
      quietMs = 0
      out.write(': still here\n\n')
    }
    if (events.length === batch) continue
    uncheckedMs += pollEveryMs
    await pause(pollEveryMs, undefined, { signal }).catch(() => undefined)
  }
  out.end()
}
