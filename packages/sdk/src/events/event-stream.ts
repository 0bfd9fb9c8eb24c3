import type { Event } from '@ocelli/contract'
import { createParser } from 'eventsource-parser'
import { cancelled, isOcelliError, OcelliError } from '../errors/ocelli-error.ts'
import type { Engine } from '../http/engine.ts'
import { type OpenResponse, readChunks } from '../http/read-body.ts'

export interface EventStreamSource<Item> {
  engine: Engine
  /** Reads the data of one event; throws when it is none. */
  read: (data: string) => Item
  /** Opens the stream behind an event; null: behind the present. */
  open: (lastEventId: string | null) => Promise<OpenResponse>
  signal?: AbortSignal
}

/** The platform sends a comment every 15 s when nothing happens. */
const silentForMs = 45_000
const longestPauseMs = 60_000
/** Of one event; the platform's have a few hundred bytes. */
const maxEventCharacters = 4 * 1024 * 1024

/**
 * | state | what comes | becomes |
 * | --- | --- | --- |
 * | connecting | an answer | reading |
 * | connecting | refused for good, or not in time | ends with that error |
 * | reading | an event | given out; its id is remembered |
 * | reading | end, reset, 45 s without a byte | pausing |
 * | pausing | the time asked for by the server, doubled while nothing comes, has passed | connecting behind the last id |
 * | any | signal | ends with `cancelled` |
 */
export async function* readEventStream<Item>(
  source: EventStreamSource<Item>,
  lastEventId: string | null,
): AsyncGenerator<Item> {
  const { engine, signal } = source
  const position = { lastEventId, pauseMs: 3000 }
  for (let inVain = 0; ; inVain++) {
    const open = await source.open(position.lastEventId)
    try {
      for await (const event of readEvents(open, source.read, position)) {
        inVain = 0
        yield event
      }
    } catch (error) {
      if (!isOcelliError(error) || !error.retryable) throw error
    } finally {
      open.gate.close()
    }
    const boundMs = Math.min(longestPauseMs, position.pauseMs * 2 ** Math.min(inVain, 10))
    await engine.clock.wait(Math.round(boundMs * (0.5 + engine.random() / 2)), signal)
    if (signal?.aborted) throw cancelled(signal)
  }
}

async function* readEvents<Item>(
  open: OpenResponse,
  read: (data: string) => Item,
  position: { lastEventId: string | null; pauseMs: number },
): AsyncGenerator<Item> {
  let arrived: { id: string | null; data: string }[] = []
  let lastId: string | null = null
  let isTooLarge = false
  const parser = createParser({
    maxBufferSize: maxEventCharacters,
    onId: (id) => {
      lastId = id
    },
    onRetry: (ms) => {
      position.pauseMs = Math.min(ms, longestPauseMs)
    },
    onEvent: ({ data }) => arrived.push({ id: lastId, data }),
    // fed once more after that, the parser throws an error of its own
    onError: ({ type }) => {
      isTooLarge ||= type === 'max-buffer-size-exceeded'
    },
  })
  const decoder = new TextDecoder()
  for await (const chunk of readChunks({ ...open, idleTimeoutMs: silentForMs })) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    const events = arrived
    arrived = []
    for (const { id, data } of events) {
      const event = read(data)
      // before it is given out: one who leaves in the middle has seen it
      if (id !== null) position.lastEventId = id
      yield event
    }
    if (isTooLarge) throw tooLarge(open)
    // the opening position has an id and no event
    if (lastId !== null) position.lastEventId = lastId
  }
}

function tooLarge({ response }: OpenResponse): OcelliError {
  return new OcelliError(
    `The event stream holds an event of more than ${maxEventCharacters} characters. Check whether a proxy is in between.`,
    {
      ...{ kind: 'bad-answer', code: 'answer-too-large', status: response.status },
      requestId: response.headers.get('x-request-id'),
    },
  )
}

export const toEvent = (data: string): Event => toItem<Event>(data, ['eventId', 'type'])

/** An object with these fields. Throws `unexpected-shape`. */
export function toItem<Item>(data: string, fields: string[]): Item {
  try {
    const item: unknown = JSON.parse(data)
    if (typeof item === 'object' && item !== null && fields.every((field) => field in item)) return item as Item
  } catch {
    // told below, like anything else that is no event
  }
  throw new OcelliError('The event stream holds something that is not an event. Check whether a proxy is in between.', {
    ...{ kind: 'bad-answer', code: 'unexpected-shape' },
  })
}
