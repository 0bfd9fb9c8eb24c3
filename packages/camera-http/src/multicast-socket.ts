import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { NetworkInterfaceInfo } from 'node:os'

/** Where a question by UDP leaves this machine, and where it goes. */
export type MulticastRoute = {
  /** Own address to bind to; empty: the system chooses. */
  from: string
  to: string
  family: 'udp4' | 'udp6'
  /** Multicast leaves through this interface; null: no multicast. */
  multicastInterface: string | null
}

/** As `os.networkInterfaces()` of Node gives them. */
export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/** The groups that one protocol uses, such as 239.255.255.250 and ff02::c. */
export type MulticastGroups = { readonly udp4: string; readonly udp6: string }

/**
 * One route per IPv4 address, and one per interface for IPv6. A machine with several networks that leaves the choice to the
 * system asks on one of them only. `platform` is Node's: Windows names an IPv6 zone by number, others by interface.
 */
export function multicastRoutes(
  interfaces: Interfaces,
  { groups, platform }: { groups: MulticastGroups; platform: NodeJS.Platform },
): MulticastRoute[] {
  return Object.entries(interfaces).flatMap(([name, infos = []]): MulticastRoute[] => {
    const four = infos.filter(({ family }) => family === 'IPv4')
    const six = infos.filter((info) => info.family === 'IPv6')
    const zoned = six.find(({ address }) => isLinkLocal(address)) ?? six[0]
    const routes = four.map(
      ({ address }): MulticastRoute => ({
        from: address,
        to: groups.udp4,
        family: 'udp4',
        multicastInterface: address,
      }),
    )
    if (zoned === undefined) return routes
    const zone = platform === 'win32' ? String('scopeid' in zoned ? zoned.scopeid : 0) : name
    const from = isLinkLocal(zoned.address) ? `${zoned.address}%${zone}` : zoned.address
    return [...routes, { from, to: `${groups.udp6}%${zone}`, family: 'udp6', multicastInterface: `::%${zone}` }]
  })
}

/** An IPv6 address that means something on one interface only, with or without its zone. */
export const isLinkLocal = (host: string): boolean => /^fe[89ab][0-9a-f]:/i.test(host)

/** A bound socket that sends along one route. Rejects when the interface is gone or cannot multicast. */
export function openMulticastSocket(
  route: MulticastRoute,
  onMessage: (datagram: Buffer, from: RemoteInfo) => void = () => {},
): Promise<Socket> {
  const socket = createSocket({ type: route.family, ...(route.family === 'udp6' ? { ipv6Only: true } : {}) })
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const fail = (error: unknown) => {
    socket.close()
    reject(error)
  }
  socket.once('error', fail)
  socket.bind({ port: 0, ...(route.from === '' ? {} : { address: route.from }) }, () => {
    try {
      if (route.multicastInterface !== null) socket.setMulticastInterface(route.multicastInterface)
    } catch (error) {
      return fail(error)
    }
    socket.off('error', fail)
    // An ICMP refusal of one datagram must not end the search.
    socket.on('error', () => {})
    socket.on('message', onMessage)
    resolve(socket)
  })
  return promise
}
