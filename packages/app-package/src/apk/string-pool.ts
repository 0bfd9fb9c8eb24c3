import { PackageError } from '../package-error.ts'

/** The strings of a binary XML document, decoded only when asked for. */
export interface StringPool {
  /**
   * The string of that index; null when it is longer than `maxLength` UTF-16 units. The bound keeps a small file from
   * costing much: a hundred thousand entries may point at one string of megabytes.
   */
  text(index: number, maxLength: number): string | null
}

const utf8Flag = 1 << 8

/** Reads a ResStringPool chunk (AOSP ResourceTypes.h): header, offsets of the strings, the strings. */
export function readStringPool(chunk: Buffer): StringPool {
  const headerSize = chunk.readUInt16LE(2)
  if (headerSize < 28 || headerSize > chunk.length) throw damaged('header')
  const count = chunk.readUInt32LE(8)
  const isUtf8 = (chunk.readUInt32LE(16) & utf8Flag) !== 0
  const stringsStart = chunk.readUInt32LE(20)
  if (count > (chunk.length - headerSize) / 4 || stringsStart > chunk.length) throw damaged('size')
  return {
    text(index, maxLength) {
      if (index >= count) throw damaged('index')
      const start = stringsStart + chunk.readUInt32LE(headerSize + 4 * index)
      return isUtf8 ? readUtf8(chunk, start, maxLength) : readUtf16(chunk, start, maxLength)
    },
  }
}

function readUtf8(chunk: Buffer, start: number, maxLength: number): string | null {
  // Two lengths precede the bytes: UTF-16 units, then bytes. Each is one byte, or two when its high bit is set.
  const afterUnits = start + (byteAt(chunk, start) & 0x80 ? 2 : 1)
  const first = byteAt(chunk, afterUnits)
  const isLong = (first & 0x80) !== 0
  const length = isLong ? ((first & 0x7f) << 8) | byteAt(chunk, afterUnits + 1) : first
  const data = afterUnits + (isLong ? 2 : 1)
  if (data + length > chunk.length) throw damaged('length')
  // A unit takes three bytes at most. Decoded first and measured then, 70,000 elements of 32 KiB names take 5 s.
  if (length > 3 * maxLength) return null
  const text = chunk.toString('utf8', data, data + length)
  return text.length > maxLength ? null : text
}

function readUtf16(chunk: Buffer, start: number, maxLength: number): string | null {
  const first = unitAt(chunk, start)
  const isLong = (first & 0x8000) !== 0
  const length = isLong ? (first & 0x7fff) * 0x10000 + unitAt(chunk, start + 2) : first
  const data = start + (isLong ? 4 : 2)
  if (data + 2 * length > chunk.length) throw damaged('length')
  return length > maxLength ? null : chunk.toString('utf16le', data, data + 2 * length)
}

function byteAt(chunk: Buffer, at: number): number {
  const value = chunk[at]
  if (value === undefined) throw damaged('offset')
  return value
}

function unitAt(chunk: Buffer, at: number): number {
  if (at + 2 > chunk.length) throw damaged('offset')
  return chunk.readUInt16LE(at)
}

function damaged(what: string): PackageError {
  return new PackageError('manifest-invalid', `The manifest is damaged: a string has an impossible ${what}.`)
}
