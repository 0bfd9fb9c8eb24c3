import type { ByteSource } from '../byte-source.ts'
import { PackageError } from '../package-error.ts'

/** Where the parts of a ZIP file lie that APK signatures are made of. Offsets from the start of the file. */
export interface ZipSections {
  entryCount: number
  directoryOffset: number
  /** The directory ends where the end record begins. */
  endRecordOffset: number
  directory: Buffer
  /** End of central directory record with its comment, up to the end of the file. */
  endRecord: Buffer
}

const endRecordSignature = 0x06054b50
const endRecordSize = 22
const maxCommentSize = 0xffff
const zip64LocatorSignature = 0x07064b50
const zip64LocatorSize = 20
/** A directory of 65,535 entries with long names takes about 8 MiB. */
const maxDirectorySize = 32 * 1024 * 1024

/**
 * Finds the end of central directory record the way Android does (APK Signature Scheme v2, section "Verification"):
 * directory, end record and end of file must follow each other without a gap. ZIP64 is refused, as Android refuses it,
 * which also bounds a package to 65,535 entries.
 */
export async function findZipSections(source: ByteSource): Promise<ZipSections> {
  const tailSize = Math.min(source.size, zip64LocatorSize + endRecordSize + maxCommentSize)
  const tail = await source.read(source.size - tailSize, tailSize)
  const at = findEndRecord(tail)
  if (at === null) throw new PackageError('not-a-package', 'The file is not an .apk: it has no end of a ZIP file.')
  const endRecord = tail.subarray(at)
  const endRecordOffset = source.size - endRecord.length
  const entryCount = endRecord.readUInt16LE(10)
  const directorySize = endRecord.readUInt32LE(12)
  const directoryOffset = endRecord.readUInt32LE(16)
  if (at >= zip64LocatorSize && tail.readUInt32LE(at - zip64LocatorSize) === zip64LocatorSignature) {
    throw new PackageError('not-a-package', 'The file uses ZIP64, which Android does not install.')
  }
  if (endRecord.readUInt16LE(4) !== 0 || endRecord.readUInt16LE(6) !== 0 || endRecord.readUInt16LE(8) !== entryCount) {
    throw new PackageError('not-a-package', 'The file is one part of a ZIP file in several parts.')
  }
  if (directoryOffset + directorySize !== endRecordOffset) {
    throw new PackageError('not-a-package', 'The directory of the ZIP file is not where its end record says.')
  }
  if (directorySize > maxDirectorySize) {
    throw new PackageError('too-complex', 'The directory of the ZIP file is larger than 32 MiB.')
  }
  const directory = await source.read(directoryOffset, directorySize)
  return { entryCount, directoryOffset, endRecordOffset, directory, endRecord }
}

function findEndRecord(tail: Buffer): number | null {
  for (let at = tail.length - endRecordSize; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== endRecordSignature) continue
    // The first signature from the end decides. Searching on for one whose comment length fits would let a comment
    // hold a second directory, and readers would differ on which of the two counts.
    return tail.readUInt16LE(at + 20) === tail.length - at - endRecordSize ? at : null
  }
  return null
}
