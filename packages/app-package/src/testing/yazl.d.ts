declare module 'yazl' {
  import type { Readable } from 'node:stream'

  interface EntryOptions {
    mtime: Date
    compress?: boolean
    size?: number
  }

  export class ZipFile {
    readonly outputStream: Readable
    addBuffer(bytes: Buffer, name: string, options: EntryOptions): void
    addReadStreamLazy(
      name: string,
      options: EntryOptions,
      open: (callback: (error: Error | null, stream: Readable) => void) => void,
    ): void
    end(): void
  }
}
