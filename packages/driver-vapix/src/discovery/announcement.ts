import { isIP } from 'node:net'
import { isLinkLocal } from '@ocelli/camera-http'
import { normalMac } from '@ocelli/driver'

/** An Axis camera that showed itself on the local network; `host` is where its datagram came from, never what it says. */
export type Announcement = {
  host: string
  /** Of its web server; null where it does not say. */
  port: number | null
  serialNumber: string | null
  foundBy: 'mdns' | 'ssdp'
  /** Further addresses that it says to have. Asked only where `host` cannot be, and believed only when the same camera answers there. */
  told: string[]
}

export const MDNS_SERVICE = '_axis-video._tcp.local'
export const SSDP_TARGET = 'urn:axis-com:service:BasicService:1'

/** The records of a DNS message that are of use here, as dns-packet reads them; everything else is passed over. */
type DnsRecord = { type: string; name?: unknown; data?: unknown }

/**
 * Reads a multicast DNS response (DNS-SD, RFC 6763): the instance's TXT record holds `macaddress`, its SRV record the port. Null for
 * a response about something else. The packet comes from anybody on the network.
 */
export function readMdnsResponse(records: readonly DnsRecord[], host: string): Announcement | null {
  const isOurs = ({ name }: DnsRecord) => typeof name === 'string' && name.toLowerCase().endsWith(MDNS_SERVICE)
  const ours = records.filter(isOurs)
  if (ours.length === 0) return null
  const data = (type: string) => ours.find((record) => record.type === type)?.data
  const told = records.filter(({ type }) => type === 'A' || type === 'AAAA').map((record) => record.data)
  return { host, port: portIn(data('SRV')), serialNumber: serialIn(data('TXT')), foundBy: 'mdns', told: hostsIn(told) }
}

const MAX_TOLD = 4

/** Addresses under which another machine can be asked. */
function hostsIn(texts: readonly unknown[]): string[] {
  const hosts = texts.filter((text) => typeof text === 'string' && isIP(text) !== 0) as string[]
  return hosts
    .filter((host) => !isLinkLocal(host) && !/^(127\.|0\.0\.0\.0|::1?$|ff|::ffff:|2[2-5]\d\.)/i.test(host))
    .slice(0, MAX_TOLD)
}

function portIn(data: unknown): number | null {
  const port = typeof data === 'object' && data !== null && 'port' in data ? data.port : null
  return typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536 ? port : null
}

function serialIn(data: unknown): string | null {
  for (const part of Array.isArray(data) ? data : [data]) {
    const text = Buffer.isBuffer(part) ? part.toString('latin1') : typeof part === 'string' ? part : ''
    const value = /^macaddress=(.{12,17})$/i.exec(text)?.[1]
    if (value !== undefined) return serialOf(value)
  }
  return null
}

/** Reads an answer to an M-SEARCH. Its USN ends with the serial number. Null for an answer of something else. */
export function readSsdpAnswer(datagram: Buffer, host: string): Announcement | null {
  const lines = datagram.subarray(0, 2_048).toString('latin1').split(/\r?\n/)
  if (!/^HTTP\/1\.[01] 200\b/i.test(lines[0] ?? '')) return null
  const header = (name: string) => {
    const line = lines.find((each) => each.toLowerCase().startsWith(`${name}:`))
    return line?.slice(name.length + 1).trim()
  }
  const usn = header('usn')
  if (usn?.toLowerCase().includes(SSDP_TARGET.toLowerCase()) !== true) return null
  const serial = /-([0-9a-f]{12})::/i.exec(usn)?.[1]
  const location = header('location') ?? ''
  const told = URL.canParse(location) ? [new URL(location).hostname.replace(/^\[|\]$/g, '')] : []
  const serialNumber = serial === undefined ? null : serialOf(serial)
  // The port there is the one of UPnP's description, not of the camera's pages.
  return { host, port: null, serialNumber, foundBy: 'ssdp', told: hostsIn(told) }
}

/** The serial number of an Axis camera is its MAC address without anything between the digits. */
function serialOf(text: string): string | null {
  return normalMac(text)?.replaceAll(':', '') ?? null
}
