function element(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length)
  const hex = length.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes])
}

export const sequence = (...items: readonly Uint8Array[]) => element(0x30, Buffer.concat(items))
export const setOf = (item: Uint8Array) => element(0x31, item)
export const octets = (content: Uint8Array) => element(0x04, content)
export const text = (value: string) => element(0x0c, Buffer.from(value, 'utf8'))
export const utcTime = (value: string) => element(0x17, Buffer.from(value, 'latin1'))
export const isTrue = element(0x01, Buffer.of(0xff))
/** A bit string of whole bytes. */
export const bits = (content: Uint8Array) => element(0x03, Buffer.concat([Buffer.of(0), content]))
/** Context-specific, constructed. */
export const tagged = (tag: number, content: Uint8Array) => element(0xa0 | tag, content)
/** Context-specific, primitive. */
export const implicit = (tag: number, content: Uint8Array) => element(0x80 | tag, content)
/** A positive integer whose first bit is not set. */
export const integer = (...bytes: readonly number[]) => element(0x02, Buffer.from(bytes))

export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(sevenBits)]))
}

/** Groups of seven bits, each but the last with the top bit set (X.690 section 8.19.2). */
function sevenBits(value: number): number[] {
  const last = value & 0x7f
  const high = value >> 7
  return high === 0 ? [last] : [...sevenBits(high).map((group) => group | 0x80), last]
}
