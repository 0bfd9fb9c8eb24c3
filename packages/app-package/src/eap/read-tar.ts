import { PackageError } from '../package-error.ts'
import { type ChunkReader, createChunkReader } from './chunk-reader.ts'
import { blockSize, decodeName, readTarHeader, refuse, type TarHeader } from './tar-header.ts'
import { createTarPaths } from './tar-paths.ts'

export interface TarOptions {
  /** Names of the files to keep. */
  wanted: ReadonlySet<string>
  /** bytes; a wanted file may be so large */
  maxFileBytes: number
  maxEntries: number
}

const maxExtensionBytes = 64 * 1024

/** Reads all of a tar archive and gives the wanted files. Throws PackageError `not-a-package` or `too-complex`. */
export async function readTar(chunks: AsyncGenerator<Buffer>, options: TarOptions): Promise<Map<string, Buffer>> {
  const reader = createChunkReader(chunks)
  try {
    return await readEntries(reader, options)
  } finally {
    await chunks.return(undefined)
  }
}

async function readEntries(reader: ChunkReader, options: TarOptions): Promise<Map<string, Buffer>> {
  const paths = createTarPaths()
  const files = new Map<string, Buffer>()
  let extension: Extension = {}
  for (let count = 1; ; count += 1) {
    if (count > options.maxEntries) {
      throw new PackageError('too-complex', `The package holds more than ${options.maxEntries} entries.`)
    }
    const header = await nextHeader(reader)
    if (header === null) break
    if (isExtension(header)) {
      extension = { ...extension, ...(await readExtension(reader, header)) }
      continue
    }
    const { kind, name, size, linkTarget } = { ...header, ...extension }
    extension = {}
    if (kind !== 'file' && size > 0) throw refuse('a link or folder in it has contents')
    const path = paths.add(name, kind === 'symlink' ? { kind, target: linkTarget } : { kind })
    if (path === null || !options.wanted.has(path)) {
      await skipData(reader, size)
    } else {
      if (kind !== 'file') throw refuse(`${path} is not a file`)
      files.set(path, await takeData(reader, size, options.maxFileBytes))
    }
  }
  if (Object.keys(extension).length > 0) throw refuse('it ends within an entry')
  await assertZeros(reader)
  return files
}

type Extension = Partial<Pick<TarHeader, 'name' | 'linkTarget' | 'size'>>
type PlainHeader = TarHeader & { kind: 'file' | 'folder' | 'symlink' }
type ExtensionHeader = TarHeader & { kind: Exclude<TarHeader['kind'], PlainHeader['kind']> }

function isExtension(header: PlainHeader | ExtensionHeader): header is ExtensionHeader {
  return header.kind !== 'file' && header.kind !== 'folder' && header.kind !== 'symlink'
}

async function nextHeader(reader: ChunkReader): Promise<PlainHeader | ExtensionHeader | null> {
  const block = await reader.take(blockSize)
  if (block.length < blockSize) throw refuse('it ends too early')
  return readTarHeader(block) as PlainHeader | ExtensionHeader | null
}

/** What a header that only describes the next one says. */
async function readExtension(reader: ChunkReader, { kind, size }: ExtensionHeader): Promise<Extension> {
  const data = await takeData(reader, size, maxExtensionBytes)
  switch (kind) {
    case 'long-name':
      return { name: textOf(data) }
    case 'long-target':
      return { linkTarget: textOf(data) }
    case 'pax':
      return readPax(data)
    case 'pax-global':
      if (Object.keys(readPax(data)).length > 0) throw refuse('it sets names or sizes for all of its entries at once')
      return {}
  }
}

const textOf = (data: Buffer) => decodeName(data.at(-1) === 0 ? data.subarray(0, -1) : data)

/** Records of `length key=value\n` (POSIX.1-2017, pax extended header). */
function readPax(data: Buffer): Extension {
  const extension: Extension = {}
  let at = 0
  while (at < data.length) {
    const length = Number(/^(\d{1,5}) /.exec(data.toString('latin1', at, at + 6))?.[1] ?? 0)
    const record = data.subarray(at, at + length)
    if (length === 0 || record.length < length || record.at(-1) !== 0x0a) throw refuse('an extended header is damaged')
    const text = decodeName(record.subarray(String(length).length + 1, -1))
    const equals = text.indexOf('=')
    if (equals < 1) throw refuse('an extended header is damaged')
    Object.assign(extension, toField(text.slice(0, equals), text.slice(equals + 1)))
    at += length
  }
  return extension
}

function toField(key: string, value: string): Extension {
  if (key === 'path') return { name: value }
  if (key === 'linkpath') return { linkTarget: value }
  if (key !== 'size') return {}
  if (!/^\d{1,12}$/.test(value)) throw refuse('a size in it is no number')
  return { size: Number(value) }
}

async function takeData(reader: ChunkReader, size: number, maxBytes: number): Promise<Buffer> {
  if (size > maxBytes) throw new PackageError('too-complex', `A file in the package is larger than ${maxBytes} bytes.`)
  const data = await reader.take(size)
  if (data.length < size) throw refuse('it ends too early')
  await skipExactly(reader, paddingOf(size))
  return data
}

const skipData = (reader: ChunkReader, size: number) => skipExactly(reader, size + paddingOf(size))

const paddingOf = (size: number) => (blockSize - (size % blockSize)) % blockSize

async function skipExactly(reader: ChunkReader, length: number): Promise<void> {
  if (!(await reader.skip(length))) throw refuse('it ends too early')
}

/** After the end there are zeros, up to the record that the writer filled. Anything else is hidden from some programs. */
async function assertZeros(reader: ChunkReader): Promise<void> {
  for (let chunk = await reader.next(); chunk !== null; chunk = await reader.next()) {
    if (chunk.some((byte) => byte !== 0)) throw refuse('something follows its end')
  }
}
