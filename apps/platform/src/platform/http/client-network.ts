import { isIP } from 'node:net'

/**
 * Whose attempts and requests are counted together where nobody has signed in: an IPv4 address, or the 64 bits of an IPv6
 * address that a customer is given at least (RFC 6177), since whoever has one of those has 2^64. What a trusted proxy
 * names and is no address counts as one.
 */
export function clientNetwork(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (mapped !== undefined) return mapped
  const [address = ''] = ip.split('%')
  if (isIP(address) === 4) return address
  if (isIP(address) !== 6) return 'no-address'
  return `${leadingGroups(address)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

/** The first four of the eight groups, with those that `::` stands for (RFC 4291, 2.2). */
function leadingGroups(address: string): string[] {
  const [head = '', tail] = address.split('::').map((side) => side.split(':').filter((group) => group !== ''))
  if (tail === undefined) return [...head].slice(0, 4)
  const tailGroups = tail.reduce((sum, group) => sum + (group.includes('.') ? 2 : 1), 0)
  const zeros = new Array<string>(8 - head.length - tailGroups).fill('0')
  return [...head, ...zeros, ...tail].slice(0, 4)
}
