import { PackageError, type PackageErrorCode } from './package-error.ts'

/** Reads little-endian fields one after another. Running past the end throws PackageError of the given code. */
export interface ByteReader {
  remaining(): number
  u32(): number
  /** Up to 2^53 - 1; more cannot be a size of anything here and throws. */
  u64(): number
  bytes(length: number): Buffer
  /** Bytes that follow their own length as u32. */
  prefixed(): Buffer
}

export function createByteReader(bytes: Buffer, code: PackageErrorCode): ByteReader {
  let position = 0
  function take(length: number): number {
    if (length > bytes.length - position) throw new PackageError(code, 'A field reaches past the end of its block.')
    const start = position
    position += length
    return start
  }
  const reader: ByteReader = {
    remaining: () => bytes.length - position,
    u32: () => bytes.readUInt32LE(take(4)),
    u64() {
      const value = bytes.readBigUInt64LE(take(8))
      if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new PackageError(code, 'A size is beyond all bounds.')
      return Number(value)
    },
    bytes(length) {
      const start = take(length)
      return bytes.subarray(start, start + length)
    },
    prefixed: () => reader.bytes(reader.u32()),
  }
  return reader
}

/** The items of a sequence in which each follows its own length; at most `max` of them. */
export function readSequence(reader: ByteReader, max: number): Buffer[] {
  const items: Buffer[] = []
  while (reader.remaining() > 0) {
    if (items.length === max) throw new PackageError('too-complex', `A list has more than ${max} items.`)
    items.push(reader.prefixed())
  }
  return items
}
