import { PackageError } from '../package-error.ts'

/** What matters of one header block of a tar archive (POSIX.1-2017, pax, "ustar Interchange Format"). */
export interface TarHeader {
  name: string
  /** bytes */
  size: number
  kind: TarEntryKind
  linkTarget: string
}

export type TarEntryKind = 'file' | 'folder' | 'symlink' | 'pax' | 'pax-global' | 'long-name' | 'long-target'

export const blockSize = 512

const kinds: Readonly<Record<string, TarEntryKind>> = {
  '\0': 'file',
  '0': 'file',
  '2': 'symlink',
  '5': 'folder',
  g: 'pax-global',
  x: 'pax',
  K: 'long-target',
  L: 'long-name',
}
const checksumField = { start: 148, end: 156 }

/** Reads a header block; null for the block of zeros that ends an archive. Throws PackageError `not-a-package`. */
export function readTarHeader(block: Buffer): TarHeader | null {
  if (block.every((byte) => byte === 0)) return null
  if (readOctal(block, checksumField.start, checksumField.end) !== checksumOf(block)) {
    throw refuse('the checksum of a header in it is wrong')
  }
  if (block.toString('latin1', 257, 262) !== 'ustar') throw refuse('it is no ustar archive')
  const type = String.fromCharCode(block[156] ?? 0)
  const kind = Object.hasOwn(kinds, type) ? kinds[type] : undefined
  if (kind === undefined)
    throw refuse(`it holds an entry of type ${JSON.stringify(type)}, such as a hard link or a device`)
  // GNU tar writes "ustar  " and keeps times where POSIX has the prefix.
  const prefix = block[262] === 0 ? readText(block, 345, 500) : ''
  const name = readText(block, 0, 100)
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    size: readOctal(block, 124, 136),
    kind,
    linkTarget: readText(block, 157, 257),
  }
}

function checksumOf(block: Buffer): number {
  let sum = 0
  for (const [index, byte] of block.entries()) {
    sum += index >= checksumField.start && index < checksumField.end ? 0x20 : byte
  }
  return sum
}

/** Octal digits that a space or NUL ends. The binary form of sizes from 8 GiB is refused with everything else. */
function readOctal(block: Buffer, start: number, end: number): number {
  const digits = /^ *([0-7]{1,12})[ \0]*$/.exec(block.toString('latin1', start, end))?.[1]
  if (digits === undefined) throw refuse('a number in one of its headers is none')
  return Number.parseInt(digits, 8)
}

function readText(block: Buffer, start: number, end: number): string {
  const field = block.subarray(start, end)
  const zero = field.indexOf(0)
  return decodeName(zero < 0 ? field : field.subarray(0, zero))
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

export function decodeName(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw refuse('a name in it is not UTF-8', cause)
  }
}

export function refuse(what: string, cause?: unknown): PackageError {
  return new PackageError('not-a-package', `The archive in the .eap package is refused: ${what}.`, { cause })
}
