import { createByteReader } from '../byte-reader.ts'
import type { ByteSource } from '../byte-source.ts'
import { PackageError } from '../package-error.ts'
import type { ZipSections } from './zip-sections.ts'

/** The APK Signing Block between the ZIP entries and the directory. */
export interface SigningBlock {
  /** Entries end and the block begins here. */
  offset: number
  /** Size of the block in bytes, both of its size fields included. */
  size: number
  v2: Buffer | null
  v3: Buffer | null
  v31: Buffer | null
}

const magic = Buffer.from('APK Sig Block 42', 'latin1')
const footerSize = 24
const headerSize = 8
const v2Id = 0x7109871a
const v3Id = 0xf05368c0
const v31Id = 0x1b93ad61
const maxBlockSize = 16 * 1024 * 1024
const maxPairs = 1000

/**
 * Reads the block: u64 size, pairs of u64 length, u32 id and value, the same u64 size again, 16 bytes of magic; the
 * size does not count its own first field. Null when there is none. Of the pairs only v2, v3 and v3.1 signatures are kept.
 */
export async function readSigningBlock(source: ByteSource, sections: ZipSections): Promise<SigningBlock | null> {
  const end = sections.directoryOffset
  if (end < footerSize + headerSize) return null
  const footer = await source.read(end - footerSize, footerSize)
  if (!footer.subarray(8).equals(magic)) return null
  const innerSize = createByteReader(footer, 'signature-invalid').u64()
  if (innerSize > maxBlockSize) throw new PackageError('too-complex', 'The APK Signing Block is larger than 16 MiB.')
  const offset = end - innerSize - headerSize
  if (innerSize < footerSize || offset < 0) {
    throw new PackageError('signature-invalid', 'The APK Signing Block has an impossible size.')
  }
  const block = createByteReader(await source.read(offset, innerSize + headerSize), 'signature-invalid')
  if (block.u64() !== innerSize) {
    throw new PackageError('signature-invalid', 'The two sizes of the APK Signing Block differ.')
  }
  return { offset, size: innerSize + headerSize, ...readPairs(block.bytes(innerSize - footerSize)) }
}

function readPairs(bytes: Buffer): Pick<SigningBlock, 'v2' | 'v3' | 'v31'> {
  const pairs = createByteReader(bytes, 'signature-invalid')
  const found = new Map<number, Buffer>()
  for (let count = 0; pairs.remaining() > 0; count++) {
    if (count === maxPairs) throw new PackageError('too-complex', 'The APK Signing Block has too many parts.')
    const pair = createByteReader(pairs.bytes(pairs.u64()), 'signature-invalid')
    const id = pair.u32()
    if (id !== v2Id && id !== v3Id && id !== v31Id) continue
    // Platforms take the first of several; which one was meant is not for us to guess.
    if (found.has(id)) throw new PackageError('signature-invalid', 'The APK Signing Block repeats a signature.')
    found.set(id, pair.bytes(pair.remaining()))
  }
  return { v2: found.get(v2Id) ?? null, v3: found.get(v3Id) ?? null, v31: found.get(v31Id) ?? null }
}
