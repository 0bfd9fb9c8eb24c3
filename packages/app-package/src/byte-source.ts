import type { FileHandle } from 'node:fs/promises'
import { PackageError } from './package-error.ts'

/** Random access to a package's bytes. `read` gives exactly `length` bytes or rejects with PackageError. */
export interface ByteSource {
  readonly size: number
  read(offset: number, length: number): Promise<Buffer>
}

export function createFileSource(handle: FileHandle, size: number): ByteSource {
  return {
    size,
    async read(offset, length) {
      assertInside(size, offset, length)
      const buffer = Buffer.allocUnsafe(length)
      let filled = 0
      while (filled < length) {
        const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled)
        if (bytesRead === 0) throw new PackageError('not-a-package', 'The file became shorter while it was read.')
        filled += bytesRead
      }
      return buffer
    },
  }
}

export function createBufferSource(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    async read(offset, length) {
      assertInside(bytes.length, offset, length)
      return bytes.subarray(offset, offset + length)
    },
  }
}

function assertInside(size: number, offset: number, length: number): void {
  if (offset < 0 || length < 0 || offset + length > size) {
    throw new PackageError('not-a-package', `The package refers to bytes ${offset} to ${offset + length} of ${size}.`)
  }
}
