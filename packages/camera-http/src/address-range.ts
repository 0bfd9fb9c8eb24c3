import { isIP } from 'node:net'

/** One host that may be a camera, and where it may answer: `https://192.0.2.7` before `http://192.0.2.7`. */
export type CameraPlace = { host: string; origins: string[] }

/** The places of all ranges, in the order in which these were written. Can be walked through any number of times. */
export type AddressRanges = Iterable<CameraPlace> & {
  /** How many addresses it goes through. */
  readonly total: number
}

/** A network of /16; what is longer takes hours and is a typing error most times. */
export const MAX_RANGE_ADDRESSES = 65_536

/**
 * Reads what a person writes for a part of a network: `192.0.2.7`, `camera.example:8080`, `http://192.0.2.7`, `192.0.2.0/24`,
 * `192.0.2.10-192.0.2.40`, `192.0.2.10-40`, `192.0.2.0/24:8080`, `2001:db8::/120`, `2001:db8::1-2001:db8::f`. A network's own and broadcast address
 * are left out. Nothing is expanded before it is walked through. Throws RangeError, with a sentence for a person, for anything
 * else, and for more than 65,536 addresses together.
 */
export function readAddressRanges(texts: readonly string[]): AddressRanges {
  const ranges = texts.map((text) => readRange(text.trim()))
  const total = ranges.reduce((sum, range) => sum + sizeOf(range), 0)
  if (total > MAX_RANGE_ADDRESSES) {
    throw new RangeError(`These are ${total} addresses, and at most ${MAX_RANGE_ADDRESSES} are asked at a time.`)
  }
  return {
    total,
    *[Symbol.iterator]() {
      for (const range of ranges) yield* placesIn(range)
    },
  }
}

type Span = { kind: 'span'; first: bigint; last: bigint; version: 4 | 6; port?: string }
type Range = { kind: 'place'; place: CameraPlace } | Span

const sizeOf = (range: Range): number => (range.kind === 'place' ? 1 : Number(range.last - range.first) + 1)

function* placesIn(range: Range): Generator<CameraPlace> {
  if (range.kind === 'place') return yield range.place
  for (let at = range.first; at <= range.last; at++) yield placeOf(writeAddress(at, range.version), range.port)
}

function readRange(text: string): Range {
  const range =
    text.length > 300 ? null : (readNetwork(text) ?? readSpan(text) ?? readWithPort(text) ?? readPlace(text))
  if (range !== null) return range
  throw new RangeError(
    `"${text.slice(0, 60)}" is no address, network or range such as 192.168.1.20, 192.168.1.0/24 or 192.168.1.10-192.168.1.40.`,
  )
}

/** A network or range of IPv4 addresses whose cameras are forwarded or listen elsewhere. */
function readWithPort(text: string): Range | null {
  const [, range = '', port = ''] = /^([\d./\s-]+):(\d{1,5})$/.exec(text) ?? []
  const span = readNetwork(range) ?? readSpan(range)
  return span === null || Number(port) > 65_535 || Number(port) === 0 ? null : { ...span, port: String(Number(port)) }
}

function readNetwork(text: string): Span | null {
  const [, address = '', length = ''] = /^([0-9a-f:.]+)\/(\d{1,3})$/i.exec(text) ?? []
  const found = readAddress(address)
  const bits = found?.version === 4 ? 32 : 128
  if (found === null || Number(length) > bits) return null
  const size = 1n << BigInt(bits - Number(length))
  const first = (found.value / size) * size
  const last = first + size - 1n
  const hasOwnNames = found.version === 4 && size > 2n
  return hasOwnNames
    ? { kind: 'span', first: first + 1n, last: last - 1n, version: 4 }
    : { kind: 'span', first, last, version: found.version }
}

function readSpan(text: string): Span | null {
  const [, from = '', to = ''] = /^([0-9a-f:.]+)\s*-\s*([0-9a-f:.]+)$/i.exec(text) ?? []
  const first = readAddress(from)
  // 192.0.2.10-40: the last part alone. Of an IPv6 address nobody could tell which digits it stands for.
  const last = readAddress(first?.version === 4 && /^\d{1,3}$/.test(to) ? from.replace(/\d+$/, to) : to)
  if (first === null || last === null || first.version !== last.version || last.value < first.value) return null
  return { kind: 'span', first: first.value, last: last.value, version: first.version }
}

function readPlace(text: string): Range | null {
  if (text === '' || /[\s@?#\\]/.test(text)) return null
  const isUrl = /^https?:\/\//i.test(text)
  if (!isUrl && text.includes('/')) return null
  // A range with a typing error is no host name, and `1.2` would be read as 1.0.0.2.
  const host = text.replace(/:\d+$/, '')
  if (/^[\d.-]+$/.test(host) && isIP(host) !== 4) return null
  if (!isUrl) {
    const place = placeOf(text)
    return place.origins.every((origin) => URL.canParse(origin)) ? { kind: 'place', place: normal(place) } : null
  }
  return URL.canParse(text) ? { kind: 'place', place: normal({ host: text, origins: [text] }) } : null
}

function placeOf(host: string, port?: string): CameraPlace {
  const written = (isIP(host) === 6 ? `[${host}]` : host) + (port === undefined ? '' : `:${port}`)
  return { host, origins: [`https://${written}`, `http://${written}`] }
}

function normal({ origins }: CameraPlace): CameraPlace {
  const urls = origins.map((origin) => new URL(origin))
  return { host: urls[0]?.hostname ?? '', origins: urls.map((url) => url.origin) }
}

function readAddress(text: string): { value: bigint; version: 4 | 6 } | null {
  const version = isIP(text)
  if (version === 4) return { value: joinParts(text.split('.').map(Number), 8n), version }
  if (version !== 6) return null
  // The URL parser writes every IPv6 address in one way, without an IPv4 tail.
  const [head = '', tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::')
  const parts = (half: string) => (half === '' ? [] : half.split(':').map((part) => Number.parseInt(part, 16)))
  const [left, right] = [parts(head), parts(tail ?? '')]
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - left.length - right.length }, () => 0)
  return { value: joinParts([...left, ...zeros, ...right], 16n), version }
}

const joinParts = (parts: number[], bits: bigint): bigint =>
  parts.reduce((value, part) => (value << bits) | BigInt(part), 0n)

function writeAddress(value: bigint, version: 4 | 6): string {
  const [count, bits] = version === 4 ? ([4, 8n] as const) : ([8, 16n] as const)
  const parts = Array.from({ length: count }, (_, at) =>
    Number((value >> (BigInt(count - 1 - at) * bits)) & ((1n << bits) - 1n)),
  )
  if (version === 4) return parts.join('.')
  const written = parts.map((part) => part.toString(16)).join(':')
  return new URL(`http://[${written}]`).hostname.slice(1, -1)
}
