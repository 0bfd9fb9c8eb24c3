import type { FileHandle } from 'node:fs/promises'
import { PackageError } from './package-error.ts'

/** Random access to a package's bytes. */
export interface ByteSource {
  readonly size: number
  /**
   * Gives exactly `length` bytes or rejects with PackageError. They may lie in `scratch`, of at least that length, so
   * that reading a large file takes no more memory than its buffers.
   */
  read(offset: number, length: number, scratch?: Buffer): Promise<Buffer>
}

export function createFileSource(handle: FileHandle, size: number): ByteSource {
  return {
    size,
    async read(offset, length, scratch) {
      assertInside(size, offset, length)
      const buffer = scratch?.subarray(0, length) ?? Buffer.allocUnsafe(length)
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
