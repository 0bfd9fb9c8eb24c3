import type { Event, EventPage, EventQuery, EventStreamQuery } from '@ocelli/contract'
import { readEventStream, toEvent } from '../events/event-stream.ts'
import type { Api, CallOptions } from '../http/api.ts'
import { createListing, type Listing } from '../listing.ts'

export interface EventStreamOptions extends CallOptions {
  /** `eventId` of the last event seen: the stream goes on behind it. Without: from now on. */
  lastEventId?: string
}

/** What has happened. Needs `audit:view`. */
export const eventMethods = (api: Api) => ({
  /** Oldest first, up to the present. `cursor` goes on behind an earlier page or event. */
  list: api.route(
    'GET /events/v1',
    (send) =>
      (filter: EventQuery = {}, options?: CallOptions): Listing<Event, EventPage> =>
        createListing(async (position) => {
          const cursor = position ?? filter.cursor
          const page = await send.json<EventPage>({ query: { ...filter, cursor } }, options)
          // an older platform does not say
          const { items, nextCursor, hasMore: goesOn = items.length > 0 } = page
          return { page, items, next: nextCursor, goesOn }
        }),
  ),
  /**
   * Events as they happen. Breaks are mended and nothing is left out: it goes on behind the last event that was given
   * out. Ends only with an error, or when the reader leaves the loop.
   */
  stream: api.route(
    'GET /events/v1/stream',
    (send) =>
      (filter: EventStreamQuery = {}, { lastEventId, ...options }: EventStreamOptions = {}): AsyncIterable<Event> => ({
        [Symbol.asyncIterator]: () =>
          readEventStream(
            {
              engine: api.engine,
              read: toEvent,
              signal: options.signal,
              open: (id) =>
                send.open(
                  {
                    query: filter,
                    headers: { accept: 'text/event-stream', ...(id === null ? {} : { 'last-event-id': id }) },
                  },
                  options,
                  async (open) => open,
                ),
            },
            lastEventId ?? null,
          ),
      }),
  ),
})
