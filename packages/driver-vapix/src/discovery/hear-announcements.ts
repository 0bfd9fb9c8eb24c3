import { createSocket, type RemoteInfo } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Interfaces, type MulticastRoute, multicastRoutes, openMulticastSocket } from '@ocelli/camera-http'
import { DriverError } from '@ocelli/driver'
import makeMdns from 'multicast-dns'
import { type Announcement, MDNS_SERVICE, readMdnsResponse, readSsdpAnswer, SSDP_TARGET } from './announcement.ts'

export type HearOptions = {
  signal: AbortSignal
  /** From the first question until the end. */
  waitMs: number
  /** 5353 and 1900, which all cameras use. */
  ports?: { mdns: number; ssdp: number }
  interfaces?: Interfaces
}

const GROUPS = {
  mdns: { udp4: '224.0.0.251', udp6: 'ff02::fb' },
  ssdp: { udp4: '239.255.255.250', udp6: 'ff02::c' },
}
/** Datagrams get lost, so each question goes out three times. */
const SENDINGS_MS = [0, 400, 800]
/** A second process on a hostile network must not cost more than this. */
const MAX_ANNOUNCEMENTS = 4_096

/** The question of UPnP; its HOST is the group, for IPv6 without a zone. */
const search = (host: string) =>
  Buffer.from(
    `M-SEARCH * HTTP/1.1\r\nHOST: ${host}:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ${SSDP_TARGET}\r\n\r\n`,
  )
const SEARCHES = { udp4: search(GROUPS.ssdp.udp4), udp6: search(`[${GROUPS.ssdp.udp6}]`) }

/**
 * Asks for Axis cameras by multicast DNS and SSDP on every IPv4 address of this machine and on every interface over IPv6, and gives
 * those that answer in time, each way once per host. Throws the signal's reason, and `unreachable` when no interface could be used.
 */
export async function hearAnnouncements(options: HearOptions): Promise<Announcement[]> {
  const { signal, waitMs, ports = { mdns: 5353, ssdp: 1900 } } = options
  signal.throwIfAborted()
  const heard = new Map<string, Announcement>()
  const take = (announcement: Announcement | null) => {
    if (announcement === null || heard.size >= MAX_ANNOUNCEMENTS) return
    const { foundBy, host, port } = announcement
    const key = `${foundBy} ${host} ${port}`
    // A camera tells its parts in several answers at times.
    if (heard.get(key)?.serialNumber == null) heard.set(key, announcement)
  }
  const interfaces = options.interfaces ?? networkInterfaces()
  const opened = await Promise.allSettled(routePairs(interfaces).map((routes) => openAsker(routes, { ports, take })))
  const askers = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const closeListeners = listenToGroups(interfaces, { port: ports.mdns, take })
  try {
    if (askers.length === 0) {
      const detail = 'No network interface of this machine can ask for cameras by multicast.'
      throw new DriverError('unreachable', detail)
    }
    let waitedMs = 0
    for (const atMs of SENDINGS_MS.filter((each) => each < waitMs)) {
      await sleep(atMs - waitedMs, undefined, { signal })
      waitedMs = atMs
      for (const { ask } of askers) ask()
    }
    await sleep(waitMs - waitedMs, undefined, { signal })
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    closeListeners()
    for (const { close } of askers) close()
  }
  return [...heard.values()]
}

type Take = (announcement: Announcement | null) => void
type Ports = { mdns: number; ssdp: number }
type RoutePair = { dns: MulticastRoute; ssdp: MulticastRoute }

/** The same ways out of this machine for both questions. */
function routePairs(interfaces: Interfaces): RoutePair[] {
  const { platform } = process
  const [dns, ssdp] = [GROUPS.mdns, GROUPS.ssdp].map((groups) => multicastRoutes(interfaces, { groups, platform }))
  return (dns ?? []).flatMap((route, index) => {
    const other = ssdp?.[index]
    return other === undefined ? [] : [{ dns: route, ssdp: other }]
  })
}

/** Questions from a port of our own are answered to it directly (RFC 6762, 6.7), so they work beside any other program. */
async function openAsker(routes: RoutePair, { ports, take }: { ports: Ports; take: Take }) {
  const dns = await openMulticastSocket(routes.dns)
  const takeSsdp = (datagram: Buffer, from: RemoteInfo) => take(readSsdpAnswer(datagram, from.address))
  const ssdp = await openMulticastSocket(routes.ssdp, takeSsdp).catch((error: unknown) => {
    dns.close()
    throw error
  })
  const mdns = makeMdns({ socket: dns, bind: false, multicast: false, port: ports.mdns })
  mdns.on('response', (response, from) => take(readMdnsResponse(recordsOf(response), from.address)))
  return {
    ask() {
      const question = { name: MDNS_SERVICE, type: 'PTR' } as const
      mdns.query([question], { address: routes.dns.to, port: ports.mdns })
      // What cannot be sent is a lost datagram, which the next sending makes good.
      ssdp.send(SEARCHES[routes.ssdp.family], ports.ssdp, routes.ssdp.to, () => undefined)
    },
    close() {
      mdns.destroy()
      ssdp.close()
    },
  }
}

/** Some cameras answer to the whole group; another program may keep its port to itself, and then only direct answers come. */
function listenToGroups(interfaces: Interfaces, { port, take }: { port: number; take: Take }): () => void {
  const listeners = [makeMdns({ port }), ...openGroupSix(interfaces, port)]
  for (const mdns of listeners) {
    mdns.on('error', () => undefined)
    mdns.on('warning', () => undefined)
    mdns.on('response', (response, from) => take(readMdnsResponse(recordsOf(response), from.address)))
  }
  return () => {
    for (const mdns of listeners) mdns.destroy()
  }
}

/** One socket hears the group on all interfaces. */
function openGroupSix(interfaces: Interfaces, port: number): makeMdns.MulticastDNS[] {
  const routes = multicastRoutes(interfaces, { groups: GROUPS.mdns, platform: process.platform })
  const ways = routes.flatMap(({ family, multicastInterface }) => (family === 'udp6' ? (multicastInterface ?? []) : []))
  if (ways.length === 0) return []
  const socket = createSocket({ type: 'udp6', reuseAddr: true, ipv6Only: true })
  socket.on('error', () => undefined)
  socket.bind(port, () => {
    for (const way of ways) {
      try {
        socket.addMembership(GROUPS.mdns.udp6, way)
      } catch {
        // An interface that cannot multicast, or is gone, is not heard; the others are.
      }
    }
  })
  return [makeMdns({ socket, bind: false, multicast: false, port })]
}

const recordsOf = ({ answers, additionals }: makeMdns.ResponsePacket) => [...(answers ?? []), ...(additionals ?? [])]
