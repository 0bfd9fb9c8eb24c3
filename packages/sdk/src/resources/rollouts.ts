import type {
  Preflight,
  Rollout,
  RolloutDevice,
  RolloutDeviceDetail,
  RolloutDevicePage,
  RolloutDeviceQuery,
  RolloutPage,
  RolloutQuery,
  RolloutRequest,
} from '@ocelli/contract'
import { readEventStream, toItem } from '../events/event-stream.ts'
import type { Api, CallOptions } from '../http/api.ts'
import { createListing, type Listing } from '../listing.ts'

const all = '/software/v1/rollouts'
const one = `${all}/{rolloutId}`

/** One action on many devices under a strategy. */
export const rolloutMethods = (api: Api) => ({
  create: api.route(
    `POST ${all}`,
    (send) =>
      (rollout: Omit<RolloutRequest, 'dryRun'>, options?: CallOptions): Promise<Rollout> =>
        send.json({ json: rollout }, options),
  ),
  /** What the rollout would do, for every device; nothing is changed. */
  preflight: api.route(
    `POST ${all}`,
    (send) =>
      (rollout: Omit<RolloutRequest, 'dryRun'>, options?: CallOptions): Promise<Preflight> =>
        send.json({ json: { ...rollout, dryRun: true } }, options),
  ),
  /** Newest first. */
  list: api.route(
    `GET ${all}`,
    (send) =>
      (filter: Omit<RolloutQuery, 'cursor'> = {}, options?: CallOptions): Listing<Rollout, RolloutPage> =>
        createListing(async (cursor) => {
          const query = cursor === null ? filter : { ...filter, cursor }
          const page = await send.json<RolloutPage>({ query }, options)
          return { page, items: page.items, next: page.nextCursor }
        }),
  ),
  get: api.route(
    `GET ${one}`,
    (send) =>
      (rolloutId: string, options?: CallOptions): Promise<Rollout> =>
        send.json({ params: { rolloutId } }, options),
  ),
  /** Devices of a rollout, by device id. */
  devices: api.route(
    `GET ${one}/devices`,
    (send) =>
      (
        rolloutId: string,
        filter: Omit<RolloutDeviceQuery, 'cursor'> = {},
        options?: CallOptions,
      ): Listing<RolloutDevice, RolloutDevicePage> =>
        createListing(async (cursor) => {
          const query = cursor === null ? filter : { ...filter, cursor }
          const page = await send.json<RolloutDevicePage>({ params: { rolloutId }, query }, options)
          return { page, items: page.items, next: page.nextCursor }
        }),
  ),
  /** A device of a rollout with what happened to it. */
  device: api.route(
    `GET ${one}/devices/{deviceId}`,
    (send) =>
      (rolloutId: string, deviceId: string, options?: CallOptions): Promise<RolloutDeviceDetail> =>
        send.json({ params: { rolloutId, deviceId } }, options),
  ),
  /** The rollout whenever it has changed, until it is over with no device in flight. Breaks are mended. */
  watch: api.route(
    `GET ${one}/stream`,
    (send) =>
      (rolloutId: string, options: CallOptions = {}): AsyncIterable<Rollout> => ({
        async *[Symbol.asyncIterator]() {
          const open = () =>
            send.open(
              { params: { rolloutId }, headers: { accept: 'text/event-stream' } },
              options,
              async (opened) => opened,
            )
          const read = (data: string) => toItem<Rollout>(data, ['rolloutId', 'counters'])
          for await (const rollout of readEventStream(
            { engine: api.engine, signal: options.signal, open, read },
            null,
          )) {
            yield rollout
            if (isOver(rollout)) return
          }
        },
      }),
  ),
  /** Admits no more devices; what is in flight ends. */
  pause: api.route(
    `POST ${one}/pause`,
    (send) =>
      (rolloutId: string, options?: CallOptions): Promise<Rollout> =>
        send.json({ params: { rolloutId } }, options),
  ),
  /** Goes on; a wave that stopped the rollout counts as passed. */
  resume: api.route(
    `POST ${one}/resume`,
    (send) =>
      (rolloutId: string, options?: CallOptions): Promise<Rollout> =>
        send.json({ params: { rolloutId } }, options),
  ),
  /** Ends it: what has not begun is cancelled and gives back its license. */
  abort: api.route(
    `POST ${one}/abort`,
    (send) =>
      (rolloutId: string, options?: CallOptions): Promise<Rollout> =>
        send.json({ params: { rolloutId } }, options),
  ),
  /** Aborts it where it still runs, and sets back what it has changed, by a rollout of its own: `rolledBackBy`. */
  rollback: api.route(
    `POST ${one}/rollback`,
    (send) =>
      (rolloutId: string, options?: CallOptions): Promise<Rollout> =>
        send.json({ params: { rolloutId } }, options),
  ),
  /** Approves a rollout that somebody else made. */
  approve: api.route(
    `POST ${one}/approve`,
    (send) =>
      (rolloutId: string, options?: CallOptions): Promise<Rollout> =>
        send.json({ params: { rolloutId } }, options),
  ),
  /** Takes in no more devices that match later. */
  close: api.route(
    `POST ${one}/close`,
    (send) =>
      (rolloutId: string, options?: CallOptions): Promise<Rollout> =>
        send.json({ params: { rolloutId } }, options),
  ),
  /** Begins again with failed, rejected and timed out devices, or those of one state. */
  retry: api.route(
    `POST ${one}/retry`,
    (send) =>
      (
        rolloutId: string,
        { state, ...options }: CallOptions & { state?: 'FAILED' | 'REJECTED' | 'TIMED_OUT' } = {},
      ): Promise<Rollout> =>
        send.json({ params: { rolloutId }, query: { state } }, options),
  ),
})

function isOver({ state, counters: { pending, offline, inFlight } }: Rollout): boolean {
  return (state === 'COMPLETED' || state === 'ABORTED') && pending + offline + inFlight === 0
}
