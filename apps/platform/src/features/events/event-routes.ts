import { EventPage, EventQuery, EventStreamQuery } from '@ocelli/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Authenticator } from '../../platform/auth/caller.ts'
import type { Database } from '../../platform/database/database.ts'
import type { OpenStreams } from '../../platform/http/open-streams.ts'
import { type AnyRoute, type Context, ok, route, streamed } from '../../platform/http/route.ts'
import { answerHead, beginEventStream } from '../../platform/http/server-sent-events.ts'
import { decodeCursor, encodeCursor, refuseForeignCursor } from './event-cursor.ts'
import { createEventHub, type EventHub, type HubLimits } from './event-hub.ts'
import { type StreamTimes, streamEvents, streamTimes } from './event-stream.ts'
import { readEvents } from './read-events.ts'

export interface EventRoutesDeps {
  db: Database
  log: Logger
  authenticate: Authenticator
  /** Ends with the platform: open streams end too. */
  closing: AbortSignal
  streams: OpenStreams
  times?: Partial<StreamTimes>
  limits?: HubLimits
}

export function eventRoutes(deps: EventRoutesDeps): AnyRoute[] {
  const hub = createEventHub({ ...deps.limits, db: deps.db, log: deps.log })
  return [
    route({
      method: 'GET',
      path: '/events/v1',
      access: 'audit:view',
      tag: 'Events',
      summary: 'Events, oldest first; nextCursor reads on, also later; with hasMore at once, even where no event came',
      query: EventQuery,
      responses: { 200: EventPage },
      handle: async ({ context, query: { cursor, size, ...filter } }) => {
        const after = cursor === undefined ? null : decodeCursor(cursor)
        const limit = size ?? 100
        const { events, cursor: next, hasMore } = await readEvents(context.db, context.caller, { filter, after, limit })
        if (after && events.length === 0) await refuseForeignCursor(context.db, after)
        return ok({ items: events, nextCursor: next && encodeCursor(next), hasMore })
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
      stream: ({ context, query, raw }, reply) =>
        openStream(deps, hub, { context, filter: query, request: raw, reply }),
    }),
  ]
}

async function openStream(
  deps: EventRoutesDeps,
  hub: EventHub,
  {
    context,
    filter,
    request,
    reply,
  }: { context: Context; filter: EventStreamQuery; request: FastifyRequest; reply: FastifyReply },
): Promise<void> {
  const last = request.headers['last-event-id']
  const resumed = typeof last === 'string' ? decodeCursor(last) : null
  if (resumed) await refuseForeignCursor(deps.db, resumed)
  if (answerHead(request, reply)) return
  const leave = deps.streams.enter(context.caller)
  const feed = await hub.follow(context.caller.accountId).catch((error: unknown) => {
    leave()
    throw error
  })
  const { out, gone } = beginEventStream(request, reply)
  try {
    const signal = AbortSignal.any([gone, deps.closing])
    await streamEvents(
      { db: deps.db, feed, out, signal },
      {
        after: resumed ?? feed.position(),
        filter,
        caller: context.caller,
        async recheck() {
          // A revoked token or a lost permission ends the stream; so does a database that does not answer.
          const now = await deps.authenticate({ headers: request.headers, method: 'GET' }).catch(() => null)
          return now?.permissions.has('audit:view') ? now : null
        },
        times: { ...streamTimes, ...deps.times },
      },
    )
  } catch (err) {
    deps.log.warn({ err, requestId: request.id }, 'an event stream was broken off; its reader resumes by its last id')
  } finally {
    feed.leave()
    leave()
    out.end()
  }
}
