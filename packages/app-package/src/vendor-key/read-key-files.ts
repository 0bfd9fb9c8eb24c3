import { crc32, inflateRawSync } from 'node:zlib'
import yauzl from 'yauzl'
import { PackageError } from '../package-error.ts'
import { type KeyReading, maxKeyBytes, readVendorKey } from './vendor-key.ts'

/** One key file: as it was named, without folders, and what was read of it. */
export interface KeyFile {
  name: string
  reading: KeyReading
}

export interface ReadKeyFilesOptions {
  /** Name of a file that is no archive. */
  name: string
  signal: AbortSignal
  /** 2,000 by default. */
  maxFiles?: number
}

const localHeader = 0x04034b50
const encryptedFlag = 1

/**
 * Reads one key file, or a ZIP of many, by its contents. A file that is no key is told as damaged; the archive itself throws
 * PackageError: `not-a-package` when it is damaged, `too-complex` beyond the limits. Each file takes 64 KiB at most, folders and
 * what macOS adds are passed over. Throws the signal's reason when aborted.
 */
export async function readKeyFiles(bytes: Buffer, options: ReadKeyFilesOptions): Promise<KeyFile[]> {
  const { name, signal, maxFiles = 2_000 } = options
  if (bytes.length < 4 || bytes.readUInt32LE(0) !== localHeader) return [{ name, reading: readVendorKey(bytes) }]
  const zip = await asDamaged(yauzl.fromBufferPromise(bytes, { decodeStrings: false, validateEntrySizes: true }))
  if (zip.entryCount > maxFiles * 2) throw tooMany(maxFiles)
  const files: KeyFile[] = []
  const entries = zip.eachEntry()
  for (;;) {
    // yields, so that other requests are served while a large archive is read
    await new Promise(setImmediate)
    signal.throwIfAborted()
    const next = await asDamaged(entries.next())
    if (next.done) break
    const path = next.value.fileNameRaw.toString('utf8').replaceAll('\\', '/')
    const fileName = path.split('/').at(-1) ?? ''
    if (fileName === '' || fileName.startsWith('.') || path.startsWith('__MACOSX/')) continue
    if (files.length === maxFiles) throw tooMany(maxFiles)
    files.push({ name: fileName, reading: await readEntry(zip, next.value, bytes) })
  }
  if (files.length === 0) throw new PackageError('not-a-package', 'The ZIP file holds no files.')
  return files
}

async function readEntry(zip: yauzl.ZipFile, entry: yauzl.Entry, bytes: Buffer): Promise<KeyReading> {
  const { compressedSize, uncompressedSize, compressionMethod } = entry
  // deflate may make a file without patterns a little larger
  if (uncompressedSize > maxKeyBytes || compressedSize > maxKeyBytes + 1024) {
    return { kind: 'damaged', reason: `The file is larger than ${maxKeyBytes / 1024} KiB.` }
  }
  if ((entry.generalPurposeBitFlag & encryptedFlag) !== 0) {
    return { kind: 'damaged', reason: 'The file is encrypted inside the ZIP file.' }
  }
  const { fileDataStart } = await asDamaged(zip.readLocalFileHeaderPromise(entry, { minimal: true }))
  const data = bytes.subarray(fileDataStart, fileDataStart + compressedSize)
  const content = decompress(data, compressionMethod)
  if (content === null || content.length !== uncompressedSize || crc32(content) !== entry.crc32) {
    return { kind: 'damaged', reason: 'The file cannot be taken out of the ZIP file whole.' }
  }
  return readVendorKey(content)
}

function decompress(data: Buffer, method: number): Buffer | null {
  if (method === 0) return data
  if (method !== 8) return null
  try {
    return inflateRawSync(data, { maxOutputLength: maxKeyBytes + 1 })
  } catch {
    return null
  }
}

const tooMany = (max: number) =>
  new PackageError('too-complex', `The ZIP file holds more than ${max} files. Send it in parts.`)

async function asDamaged<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PackageError('not-a-package', `The ZIP file is damaged: ${reason}.`, { cause })
  }
}
