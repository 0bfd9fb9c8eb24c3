import { createSocket, type Socket } from 'node:dgram'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { DriverError } from '@ocelli/driver'
import makeMdns from 'multicast-dns'
import { type Announcement, MDNS_SERVICE, readMdnsResponse, readSsdpAnswer, SSDP_TARGET } from './announcement.ts'

export type HearOptions = {
  signal: AbortSignal
  /** From the first question until the end. */
  waitMs: number
  /** 5353 and 1900, which all cameras use. */
  ports?: { mdns: number; ssdp: number }
  interfaces?: NodeJS.Dict<NetworkInterfaceInfo[]>
}

const GROUPS = { mdns: '224.0.0.251', ssdp: '239.255.255.250' }
/** Datagrams get lost, so each question goes out three times. */
const SENDINGS_MS = [0, 400, 800]
/** A second process on a hostile network must not cost more than this. */
const MAX_ANNOUNCEMENTS = 4_096

const SEARCH = Buffer.from(
  `M-SEARCH * HTTP/1.1\r\nHOST: ${GROUPS.ssdp}:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ${SSDP_TARGET}\r\n\r\n`,
)

/**
 * Asks for Axis cameras by multicast DNS and SSDP on every IPv4 address of this machine and gives those that answer in time, each way
 * once per host. Throws the signal's reason, and `unreachable` when no interface could be used.
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
  const addresses = ownAddresses(options.interfaces ?? networkInterfaces())
  const opened = await Promise.allSettled(addresses.map((address) => openAsker(address, { ports, take })))
  const askers = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const closeListener = listenToGroup(ports.mdns, take)
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
    closeListener()
    for (const { close } of askers) close()
  }
  return [...heard.values()]
}

function ownAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
  return Object.values(interfaces).flatMap((infos = []) =>
    infos.flatMap(({ family, address }) => (family === 'IPv4' ? [address] : [])),
  )
}

type Take = (announcement: Announcement | null) => void
type Ports = { mdns: number; ssdp: number }

/** Questions from a port of our own are answered to it directly (RFC 6762, 6.7), so they work beside any other program. */
async function openAsker(address: string, { ports, take }: { ports: Ports; take: Take }) {
  const [dns, ssdp] = await Promise.all([bindTo(address), bindTo(address)])
  const mdns = makeMdns({ socket: dns, bind: false, multicast: false, port: ports.mdns })
  mdns.on('response', (response, from) => take(readMdnsResponse(recordsOf(response), from.address)))
  ssdp.on('message', (datagram, from) => take(readSsdpAnswer(datagram, from.address)))
  return {
    ask() {
      const question = { name: MDNS_SERVICE, type: 'PTR' } as const
      mdns.query([question], { address: GROUPS.mdns, port: ports.mdns })
      // What cannot be sent is a lost datagram, which the next sending makes good.
      ssdp.send(SEARCH, ports.ssdp, GROUPS.ssdp, () => undefined)
    },
    close() {
      mdns.destroy()
      ssdp.close()
    },
  }
}

/** Some cameras answer to the whole group; another program may keep its port to itself, and then only direct answers come. */
function listenToGroup(port: number, take: Take): () => void {
  const mdns = makeMdns({ port })
  mdns.on('error', () => undefined)
  mdns.on('warning', () => undefined)
  mdns.on('response', (response, from) => take(readMdnsResponse(recordsOf(response), from.address)))
  return () => mdns.destroy()
}

const recordsOf = ({ answers, additionals }: makeMdns.ResponsePacket) => [...(answers ?? []), ...(additionals ?? [])]

function bindTo(address: string): Promise<Socket> {
  const socket = createSocket('udp4')
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const fail = (error: unknown) => {
    socket.close()
    reject(error)
  }
  socket.once('error', fail)
  socket.bind({ port: 0, address }, () => {
    try {
      socket.setMulticastInterface(address)
    } catch (error) {
      return fail(error)
    }
    socket.off('error', fail)
    // An ICMP refusal of one datagram must not end the search.
    socket.on('error', () => undefined)
    resolve(socket)
  })
  return promise
}
