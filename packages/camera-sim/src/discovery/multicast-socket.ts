import { createSocket, type Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'

/** Addresses under which others reach this machine, link-local ones apart; its own loopback where there are none. */
export function ownAddresses(hasIpv6: boolean): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const outer = all.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address)
  const outer6 = all.filter(
    ({ family, internal, address }) => family === 'IPv6' && !internal && !/^fe80:/i.test(address),
  )
  if (hasIpv6) outer.push(...outer6.map(({ address }) => `[${address}]`))
  return outer.length === 0 ? ['127.0.0.1'] : outer
}

export interface MulticastOptions {
  port: number
  group: string
  /** IPv4 by default. */
  family?: 'IPv4' | 'IPv6'
  /** Address of the one network interface to use, `::%eth0` for IPv6; the system's choice by default. */
  interfaceAddress: string | undefined
}

/** A UDP socket that hears the group. Rejects when the port or multicast is not to be had. */
export function bindMulticast(options: MulticastOptions): Promise<Socket> {
  const isIpv6 = options.family === 'IPv6'
  const socket = createSocket({ type: isIpv6 ? 'udp6' : 'udp4', reuseAddr: true, ipv6Only: isIpv6 })
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      socket.close()
      reject(error)
    }
    socket.once('error', fail)
    socket.bind(options.port, () => {
      try {
        joinGroup(socket, options)
      } catch (error) {
        return fail(error)
      }
      socket.removeListener('error', fail)
      // What goes wrong with one datagram must not end the cameras.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

function joinGroup(socket: Socket, { group, interfaceAddress }: MulticastOptions): void {
  if (interfaceAddress === undefined) {
    socket.addMembership(group)
    return
  }
  socket.addMembership(group, interfaceAddress)
  socket.setMulticastInterface(interfaceAddress)
}
