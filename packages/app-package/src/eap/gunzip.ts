import { pipeline, Readable } from 'node:stream'
import { crc32, createInflateRaw } from 'node:zlib'
import type { ByteSource } from '../byte-source.ts'
import { PackageError } from '../package-error.ts'

export interface UnpackLimits {
  /** bytes, unpacked */
  maxBytes: number
  /** How many times as large as it is a file may become; not asked before `freeBytes`. */
  maxRatio: number
  freeBytes: number
}

const chunkSize = 64 * 1024
const headerSize = 10
const tailSize = 8
const maxHeaderSize = 4096
// RFC 1952 section 2.3.1
const flags = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 }

/**
 * Unpacks the first `end` bytes, which must be one gzip member (RFC 1952) and nothing else: programs disagree on what
 * follows one. Memory is bounded by chunks. Throws PackageError `not-a-package` or `too-complex`.
 */
export async function* gunzip(source: ByteSource, end: number, limits: UnpackLimits): AsyncGenerator<Buffer> {
  const start = await readHeader(source, end)
  const inflate = createInflateRaw({ chunkSize })
  // What goes wrong in the pipeline is thrown where its output is read.
  pipeline(Readable.from(readChunks(source, start, end)), inflate, () => {})
  let size = 0
  let checksum = 0
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > limits.maxBytes || (size > limits.freeBytes && size > end * limits.maxRatio)) {
        throw new PackageError('too-complex', `The package unpacks to more than ${size - chunk.length} bytes.`)
      }
      checksum = crc32(chunk, checksum)
      yield chunk
    }
  } catch (cause) {
    throw isCorrupt(cause) ? notAPackage('its compressed data are damaged or end too early', cause) : cause
  }
  const tailAt = start + inflate.bytesWritten
  if (tailAt + tailSize > end) throw notAPackage('it ends too early')
  if (tailAt + tailSize < end) throw notAPackage(`${end - tailAt - tailSize} bytes follow its end`)
  const tail = await source.read(tailAt, tailSize)
  if (tail.readUInt32LE(0) !== checksum || tail.readUInt32LE(4) !== size % 2 ** 32) {
    throw notAPackage('its checksum does not match its contents')
  }
}

/** Where the compressed data begin. */
async function readHeader(source: ByteSource, end: number): Promise<number> {
  const header = await source.read(0, Math.min(end, maxHeaderSize))
  if (header.length < headerSize + tailSize || header.readUInt16BE(0) !== 0x1f8b || header[2] !== 8) {
    throw notAPackage('it is no gzip file')
  }
  const flag = header.readUInt8(3)
  if ((flag & flags.reserved) !== 0) throw notAPackage('its header is of a kind that is not known')
  let at = headerSize
  if (flag & flags.extra) at += 2 + header.readUInt16LE(at)
  for (const text of [flags.name, flags.comment]) {
    if ((flag & text) === 0) continue
    const zero = header.indexOf(0, at)
    if (zero < 0) throw notAPackage('its header does not end')
    at = zero + 1
  }
  if (flag & flags.headerCrc) at += 2
  if (at + tailSize > header.length) throw notAPackage('its header does not end')
  return at
}

async function* readChunks(source: ByteSource, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; at += chunkSize) yield await source.read(at, Math.min(chunkSize, end - at))
}

function isCorrupt(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'Z_DATA_ERROR' || error.code === 'Z_BUF_ERROR')
}

function notAPackage(what: string, cause?: unknown): PackageError {
  return new PackageError('not-a-package', `The file is no whole .eap package: ${what}.`, { cause })
}
