import type { Readable } from 'node:stream'

export interface ReceiveOptions {
  /** More than this is refused with `payload-too-large`. */
  maxBytes: number
  signal?: AbortSignal
}

/** Bytes that have arrived whole on this machine's disk, and are not in the store yet. */
export interface StagedBlob {
  sha256: string
  /** bytes */
  size: number
  /** A local file, until `discard`. */
  path: string
  /** Puts it into the store, durably; again is harmless, and puts it back when it was removed meanwhile. */
  keep(): Promise<void>
  /** Deletes the local file. What was kept stays. */
  discard(): Promise<void>
}

/** Inclusive offsets, as in HTTP. */
export interface ByteRange {
  start: number
  end: number
}

/** Bytes by their SHA-256, streamed in and out. A full or failing disk is `unavailable`, which is retryable. */
export interface BlobStore {
  /** Takes a stream onto local disk, so that it can be read and judged before it is kept. */
  receive(stream: Readable, options: ReceiveOptions): Promise<StagedBlob>
  /** `receive` and `keep` in one. */
  put(stream: Readable, options: ReceiveOptions): Promise<{ sha256: string; size: number }>
  /** Throws `unavailable` when the bytes are missing. The stream is the caller's to destroy. */
  open(sha256: string, range?: ByteRange): Promise<Readable>
  /** Bytes; null when it is not there. */
  size(sha256: string): Promise<number | null>
  remove(sha256: string): Promise<void>
  /** An address that serves the bytes without the platform; null where the platform has to. */
  temporaryUrl(sha256: string, options: { seconds: number }): Promise<string | null>
}

export interface BlobStoreOptions {
  /** `BLOB_URL`: `s3://bucket/prefix?endpoint=…&region=…`, `file:///folder`, or null for the folder. */
  blobUrl: string | null
  /** Holds blobs, and files while they arrive. */
  folder: string
  nowMs: () => number
  /** Room that arriving files leave on the disk, which holds the database too; none by default. */
  spareBytes?: number
}

/** `receive` and `keep` in one. */
export function putBy(receive: BlobStore['receive']): BlobStore['put'] {
  return async (stream, limits) => {
    const staged = await receive(stream, limits)
    try {
      await staged.keep()
    } finally {
      await staged.discard()
    }
    return { sha256: staged.sha256, size: staged.size }
  }
}

/** Opens the store that the configuration names, and sweeps what interrupted uploads have left. */
export async function openBlobStore(options: BlobStoreOptions): Promise<BlobStore> {
  const { blobUrl, folder, nowMs, spareBytes = 0 } = options
  if (blobUrl?.startsWith('s3:')) {
    // the SDK takes 60 MB and 300 ms to load: only where it is asked for
    const { openS3BlobStore } = await import('./s3-blob-store.ts')
    return await openS3BlobStore({ url: new URL(blobUrl), folder, nowMs, spareBytes })
  }
  const { openFolderBlobStore } = await import('./folder-blob-store.ts')
  return await openFolderBlobStore({ folder: blobUrl ? new URL(blobUrl) : folder, nowMs, spareBytes })
}
