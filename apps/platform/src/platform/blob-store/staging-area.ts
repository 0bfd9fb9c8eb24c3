import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ProblemError } from '../http/problem.ts'
import type { BlobStore, ReceiveOptions } from './blob-store.ts'

/** Longer than anything that arrives, is read and is kept: another process may share the folder. */
const leftOverAfterMs = 60 * 60 * 1000

export interface StagedFile {
  sha256: string
  size: number
  path: string
}

export interface StagingArea {
  /** Writes the stream to a file of its own, hashed on the way and synced; nothing stays when it fails. */
  stage(stream: Readable, options: ReceiveOptions): Promise<StagedFile>
  discard(path: string): Promise<void>
}

/** Opens the folder where bytes lie while they arrive, and sweeps what interrupted processes have left there. */
export async function openStagingArea(folder: string, nowMs: number): Promise<StagingArea> {
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const info = await stat(path).catch(ifMissing(null))
    if (info && nowMs - info.mtimeMs > leftOverAfterMs) await rm(path, { force: true })
  }
  const discard = (path: string) => rm(path, { force: true })
  return {
    discard,
    async stage(stream, { maxBytes, signal }) {
      const path = join(folder, randomUUID())
      const hash = createHash('sha256')
      let size = 0
      const counted = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          size += chunk.length
          if (size > maxBytes) return done(tooLarge(maxBytes))
          hash.update(chunk)
          done(null, chunk)
        },
      })
      try {
        await pipeline(stream, counted, createWriteStream(path, { flags: 'wx', flush: true }), signal ? { signal } : {})
      } catch (error) {
        await discard(path)
        throw asDiskProblem(error)
      }
      return { sha256: hash.digest('hex'), size, path }
    },
  }
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

export function tooLarge(maxBytes: number): ProblemError {
  return new ProblemError('payload-too-large', `The file is larger than the ${maxBytes} bytes that are accepted here.`)
}

const diskCodes = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE'])

/** A disk that takes no more is not the uploader's fault, and may be mended: 503. Anything else stays as it is. */
export function asDiskProblem(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code
  if (code === undefined || !diskCodes.has(code)) return error
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  const detail = isFull ? 'The platform has no disk space left for packages.' : 'The package store cannot be used now.'
  return new ProblemError('unavailable', `${detail} Try again later, or tell the operator.`, { cause: error })
}

/** For `catch`: a file that is not there is an answer. */
export function ifMissing<Value>(value: Value): (error: unknown) => Value {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return value
    throw error
  }
}
