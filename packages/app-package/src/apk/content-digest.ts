import { createHash } from 'node:crypto'
import type { ByteSource } from '../byte-source.ts'
import type { DigestName } from './signature-algorithms.ts'
import type { SigningBlock } from './signing-block.ts'
import type { ZipSections } from './zip-sections.ts'

export interface ContentDigests {
  /** Of the whole file, lower case hex. */
  fileSha256: string
  /** As APK Signature Scheme v2 and v3 define them, by hash. */
  contents: Map<DigestName, Buffer>
}

interface ChunkedHash {
  add(chunk: Buffer): void
  digest(): Buffer
}

const chunkSize = 1024 * 1024
const directoryOffsetField = 16

/**
 * Reads the file once from start to end, in chunks of 1 MiB, and computes its SHA-256 together with the digests that
 * signatures are compared with: entries, directory and end record are cut into chunks each for itself, the signing
 * block is left out, and the end record is taken as if the directory began where the signing block does.
 */
export async function digestContents(
  source: ByteSource,
  layout: { sections: ZipSections; block: SigningBlock; names: ReadonlySet<DigestName> },
): Promise<ContentDigests> {
  const { sections, block } = layout
  const endRecord = Buffer.from(sections.endRecord)
  endRecord.writeUInt32LE(block.offset, directoryOffsetField)
  const parts = [block.offset, sections.endRecordOffset - sections.directoryOffset, endRecord.length]
  const chunkCount = parts.reduce((sum, length) => sum + Math.ceil(length / chunkSize), 0)
  const chunked = new Map([...layout.names].map((name) => [name, createChunkedHash(name, chunkCount)]))
  const file = createHash('sha256')
  const addContents = (chunk: Buffer): void => {
    for (const hash of chunked.values()) hash.add(chunk)
  }
  for await (const chunk of readChunks(source, 0, block.offset)) {
    file.update(chunk)
    addContents(chunk)
  }
  for await (const chunk of readChunks(source, block.offset, sections.directoryOffset)) file.update(chunk)
  for await (const chunk of readChunks(source, sections.directoryOffset, sections.endRecordOffset)) {
    file.update(chunk)
    addContents(chunk)
  }
  file.update(sections.endRecord)
  addContents(endRecord)
  return {
    fileSha256: file.digest('hex'),
    contents: new Map([...chunked].map(([name, hash]) => [name, hash.digest()])),
  }
}

/** Each chunk counts as SHA(0xa5, u32 length, bytes), the whole as SHA(0x5a, u32 number of chunks, their digests). */
function createChunkedHash(name: DigestName, chunkCount: number): ChunkedHash {
  const whole = createHash(name).update(prefix(0x5a, chunkCount))
  return {
    add(chunk) {
      whole.update(createHash(name).update(prefix(0xa5, chunk.length)).update(chunk).digest())
    },
    digest: () => whole.digest(),
  }
}

function prefix(tag: number, value: number): Buffer {
  const bytes = Buffer.alloc(5)
  bytes.writeUInt8(tag, 0)
  bytes.writeUInt32LE(value, 1)
  return bytes
}

/**
 * Reads one chunk ahead, so that disk and hash work at the same time. Two buffers take turns: a chunk is valid until
 * the next one is asked for.
 */
async function* readChunks(source: ByteSource, start: number, end: number): AsyncGenerator<Buffer> {
  const bufferSize = Math.min(chunkSize, end - start)
  let current = Buffer.allocUnsafe(bufferSize)
  let ahead = Buffer.allocUnsafe(bufferSize)
  const readAt = (offset: number, buffer: Buffer) => source.read(offset, Math.min(chunkSize, end - offset), buffer)
  let next = start < end ? readAt(start, current) : null
  for (let offset = start + chunkSize; next !== null; offset += chunkSize) {
    const chunk: Buffer = await next
    next = offset < end ? readAt(offset, ahead) : null
    // Whoever awaits `next` sees its failure; until then it must not count as unhandled.
    next?.catch(() => undefined)
    yield chunk
    ;[current, ahead] = [ahead, current]
  }
}
