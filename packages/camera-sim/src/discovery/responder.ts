import { randomUUID } from 'node:crypto'
import type { RemoteInfo, Socket } from 'node:dgram'
import type { SimulatedCamera } from '../simulated-camera.ts'
import { createTimers, type SimTime, systemTime } from '../time.ts'
import { type MessageHead, type Target, writeBye, writeHello, writeProbeMatch, writeResolveMatch } from './messages.ts'
import { bindMulticast, ownAddresses } from './multicast-socket.ts'
import { isMeant, type Query, readQuery } from './queries.ts'

/** What WS-Discovery tells of a camera; `url` is the address of its device service. */
export type DiscoverableCamera = Pick<
  SimulatedCamera,
  'url' | 'port' | 'endpointId' | 'scopes' | 'isUp' | 'onUp' | 'reboots'
>

/** Which cameras are answered for, and on which network. */
export interface DiscoveryOptions {
  cameras: readonly DiscoverableCamera[]
  /** 3702 unless a test wants another. */
  port?: number
  /** IPv4 by default; a second responder answers IPv6. */
  family?: 'IPv4' | 'IPv6'
  /** Address of the one network interface to use, `::%eth0` for IPv6; the system's choice by default. */
  interfaceAddress?: string
  /** Answers come after a random time up to this, as the specification's APP_MAX_DELAY asks. */
  maxDelayMs?: number
  /** 0 to 1. */
  random?: () => number
  time?: SimTime
}

/** Answers for its cameras until it is closed; `port` is the UDP port in use. */
export interface Discovery {
  readonly port: number
  /** Says goodbye for all cameras and ends. */
  close(): Promise<void>
}

const groups = { IPv4: '239.255.255.250', IPv6: 'ff02::c' } as const
// SOAP-over-UDP: multicasts four times, unicasts twice, with 50 to 250 ms in between.
const multicastTimes = 4
const unicastTimes = 2

/** Answers WS-Discovery for many cameras on one socket. Rejects when the port or multicast is not to be had. */
export async function startDiscovery(options: DiscoveryOptions): Promise<Discovery> {
  const {
    cameras,
    family = 'IPv4',
    interfaceAddress,
    maxDelayMs = 500,
    random = Math.random,
    time = systemTime,
  } = options
  const timers = createTimers(time)
  const startedSeconds = Math.floor(time.nowMs() / 1000)
  const group = groups[family]
  const socket = await bindMulticast({ port: options.port ?? 3702, group, family, interfaceAddress })
  const { port } = socket.address()
  let messageNumber = 0

  function headOf(camera: DiscoverableCamera): MessageHead {
    messageNumber += 1
    return { messageId: randomUUID(), instanceId: startedSeconds + camera.reboots, messageNumber }
  }

  function send(text: string, to: { port: number; address: string }, times: number): void {
    // A datagram that cannot be sent is a lost one, which WS-Discovery reckons with.
    socket.send(text, to.port, to.address, () => {})
    if (times > 1) timers.after(50 + random() * 200, () => send(text, to, times - 1))
  }

  const announce = (camera: DiscoverableCamera) =>
    send(writeHello(targetOf(camera), headOf(camera)), { port, address: group }, multicastTimes)

  function answer(query: Query, from: RemoteInfo): void {
    for (const camera of cameras) {
      if (!camera.isUp || !isMeant(query, targetOf(camera))) continue
      timers.after(random() * maxDelayMs, () => {
        const write = query.kind === 'probe' ? writeProbeMatch : writeResolveMatch
        const text = write(targetOf(camera), { ...headOf(camera), relatesTo: query.messageId })
        send(text, from, unicastTimes)
      })
    }
  }

  const seen = createMemory(200)
  socket.on('message', (bytes, from) => {
    const query = readQuery(bytes.toString('utf8'))
    // The same Probe comes several times: repeated by the sender, and once per network interface.
    if (query !== null && seen.isNew(query.messageId)) answer(query, from)
  })
  const unsubscribe = cameras.map((camera) => camera.onUp(() => announce(camera)))
  for (const camera of cameras) announce(camera)

  return {
    port,
    async close() {
      for (const stop of unsubscribe) stop()
      timers.cancelAll()
      await Promise.all(
        cameras.map((camera) => sayBye(socket, { port, group, text: writeBye(targetOf(camera), headOf(camera)) })),
      )
      await new Promise<void>((resolve) => socket.close(resolve))
    },
  }
}

function sayBye(socket: Socket, bye: { port: number; group: string; text: string }): Promise<void> {
  return new Promise((resolve) => socket.send(bye.text, bye.port, bye.group, () => resolve()))
}

function targetOf(camera: DiscoverableCamera): Target {
  const url = new URL(camera.url)
  const isAny = ['0.0.0.0', '[::]'].includes(url.hostname)
  const addresses = isAny ? ownAddresses(url.hostname === '[::]') : [url.hostname]
  const xaddrs = addresses.map((address) => `${url.protocol}//${address}:${camera.port}${url.pathname}`)
  return { endpointId: camera.endpointId, scopes: camera.scopes, xaddrs }
}

function createMemory(size: number) {
  const known = new Set<string>()
  return {
    isNew(id: string): boolean {
      if (known.has(id)) return false
      known.add(id)
      const [oldest] = known
      if (known.size > size && oldest !== undefined) known.delete(oldest)
      return true
    },
  }
}
