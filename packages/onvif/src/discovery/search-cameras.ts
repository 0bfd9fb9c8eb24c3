import { randomUUID } from 'node:crypto'
import type { RemoteInfo, Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Interfaces, type MulticastRoute, multicastRoutes, openMulticastSocket } from '@ocelli/camera-http'
import { OnvifError } from '../onvif-error.ts'
import { createCameraCollection, type DiscoveredCamera, toDiscovered } from './discovered-camera.ts'
import { readProbeMatches } from './probe-match.ts'
import { probedTypes, writeProbe } from './probe-message.ts'
import { repeatDelays, SENDINGS } from './repeat-delays.ts'

export type SearchOptions = {
  signal: AbortSignal
  /** From the first Probe until the end. Default 4 s for multicast (the last of four sendings goes out after 1.25 s at most, and a camera may wait for 0.5 s with its answer), 1.5 s for one address. */
  waitMs?: number
  /** Default 3702, which all cameras use. */
  port?: number
  interfaces?: Interfaces
  random?: () => number
}

const GROUPS = { udp4: '239.255.255.250', udp6: 'ff02::c' }
/** A second process on a hostile network must not cost more than this. */
const LIMITS = { cameras: 16_384, perSender: 1_024 }
const MAX_DATAGRAMS = 100_000

/**
 * Asks for cameras by multicast on every interface of this machine, IPv4 (239.255.255.250) and IPv6 (ff02::c), and gives each as
 * soon as it answers; again when it answers from a further address, with all of them. Repeats its question as SOAP-over-UDP
 * asks. Malformed and foreign answers are dropped. Ends after `waitMs`. Throws the signal's reason, and `unreachable` when no
 * interface could be used. ONVIF Core, device discovery; WS-Discovery of April 2005.
 */
export function searchCameras(options: SearchOptions): AsyncIterable<DiscoveredCamera> {
  const { interfaces = networkInterfaces() } = options
  const routes = multicastRoutes(interfaces, { groups: GROUPS, platform: process.platform })
  return search(routes, { ...options, waitMs: options.waitMs ?? 4_000, sendings: SENDINGS.multicast })
}

/** The same question to one address (IPv4, or IPv6 with its zone where it is link-local), for networks without multicast. */
export function searchCameraAt(address: string, options: SearchOptions): AsyncIterable<DiscoveredCamera> {
  const family = isIPv6(address) ? 'udp6' : 'udp4'
  const routes: MulticastRoute[] = [{ from: '', to: address, family, multicastInterface: null }]
  return search(routes, { ...options, waitMs: options.waitMs ?? 1_500, sendings: SENDINGS.unicast })
}

async function* search(
  routes: readonly MulticastRoute[],
  options: SearchOptions & { waitMs: number; sendings: number },
): AsyncGenerator<DiscoveredCamera, void, void> {
  const { signal, waitMs, port = 3702, random = Math.random, sendings } = options
  signal.throwIfAborted()
  const questions = probedTypes.map((type) => ({ type, id: randomUUID() }))
  const probeIds = questions.map(({ id }) => id)
  const collection = createCameraCollection(LIMITS)
  const inbox = createInbox()
  let datagrams = 0

  function hear(datagram: Buffer, from: RemoteInfo): void {
    datagrams += 1
    if (datagrams > MAX_DATAGRAMS) return
    try {
      for (const match of readProbeMatches(datagram, probeIds)) {
        const camera = collection.take(toDiscovered(match, from.address))
        if (camera !== null) inbox.put(camera)
      }
    } catch (error) {
      // Nothing of a datagram may reach the event loop as an uncaught error.
      inbox.fail(error)
    }
  }

  const over = new AbortController()
  const timer = setTimeout(() => inbox.end(), waitMs)
  const onAbort = () => inbox.fail(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const sockets = await openAll(routes, hear)
  try {
    if (sockets.length === 0) throw noInterface()
    for (const [at, { type, id }] of questions.entries()) {
      const message = Buffer.from(writeProbe(type, id))
      // Cameras that drop what comes while they are busy get the two questions apart.
      void sendAgainAndAgain(sockets, { message, port, sendings, random, firstInMs: at * 25, signal: over.signal })
    }
    yield* inbox
  } finally {
    over.abort()
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    for (const { socket } of sockets) socket.close()
  }
}

type OpenRoute = { socket: Socket; route: MulticastRoute }

/** One interface that is going down does not keep the others from asking. */
async function openAll(
  routes: readonly MulticastRoute[],
  hear: (datagram: Buffer, from: RemoteInfo) => void,
): Promise<OpenRoute[]> {
  const opened = await Promise.allSettled(
    routes.map(async (route) => ({ route, socket: await openMulticastSocket(route, hear) })),
  )
  return opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
}

async function sendAgainAndAgain(
  sockets: readonly OpenRoute[],
  options: {
    message: Buffer
    port: number
    sendings: number
    random: () => number
    firstInMs: number
    signal: AbortSignal
  },
): Promise<void> {
  const { message, port, sendings, random, firstInMs, signal } = options
  for (const delayMs of [firstInMs, ...repeatDelays(sendings, random)]) {
    await sleep(delayMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    // What cannot be sent is a lost datagram, which the next sending makes good.
    for (const { socket, route } of sockets) socket.send(message, port, route.to, () => {})
  }
}

const noInterface = () =>
  new OnvifError('unreachable', 'No network interface of this machine can ask for cameras by multicast.')

/** Holds what has come until it is asked for, and is bounded by what the collection takes. */
function createInbox() {
  const items: DiscoveredCamera[] = []
  let end: { error: unknown } | 'end' | null = null
  let wake = Promise.withResolvers<void>()
  const stop = (how: NonNullable<typeof end>) => {
    end ??= how
    wake.resolve()
  }
  return {
    put(item: DiscoveredCamera) {
      items.push(item)
      wake.resolve()
    },
    end: () => stop('end'),
    fail: (error: unknown) => stop({ error }),
    async *[Symbol.asyncIterator](): AsyncGenerator<DiscoveredCamera, void, void> {
      for (;;) {
        const item = items.shift()
        if (item !== undefined) yield item
        else if (end === 'end') return
        else if (end !== null) throw end.error
        else {
          await wake.promise
          wake = Promise.withResolvers<void>()
        }
      }
    },
  }
}
