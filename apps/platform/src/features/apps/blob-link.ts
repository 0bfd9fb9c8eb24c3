import { createHmac, timingSafeEqual } from 'node:crypto'
import { ProblemError } from '../../platform/http/problem.ts'

/** Long enough to begin a download: one that has begun goes on, one that broke off asks for a new link. */
export const blobLinkSeconds = 15 * 60

export interface BlobLinks {
  /** A path on this platform that serves the blob to whoever holds it, for `blobLinkSeconds`. */
  make(sha256: string): string
  /** Throws when the link was made by nobody here, or is over. */
  check(sha256: string, link: { expires: number; signature: string }): void
}

export function createBlobLinks({ key, nowMs }: { key: Uint8Array; nowMs: () => number }): BlobLinks {
  // the key signs access tokens too: what is signed here can be no token, since it begins with a word of its own
  const sign = (sha256: string, expires: number) =>
    createHmac('sha256', key).update(`ocelli-blob-link\n${sha256}\n${expires}`).digest()
  return {
    make(sha256) {
      const expires = Math.floor(nowMs() / 1000) + blobLinkSeconds
      return `/store/v1/blobs/${sha256}?expires=${expires}&signature=${sign(sha256, expires).toString('base64url')}`
    },
    check(sha256, { expires, signature }) {
      const given = Buffer.from(signature, 'base64url')
      const expected = sign(sha256, expires)
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
        throw new ProblemError('permission-missing', 'This download link was not made by this platform.')
      }
      if (expires * 1000 < nowMs()) {
        throw new ProblemError('permission-missing', 'This download link has expired: ask for a new one.')
      }
    },
  }
}
