import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ProblemError } from '../http/problem.ts'
import type { ReceiveOptions } from './blob-store.ts'

/** Longer than anything that arrives, is read and is kept: another process may share the folder. */
const leftOverAfterMs = 60 * 60 * 1000
/** How far a file may grow between two looks at the disk. */
const spaceCheckBytes = 64 * 1024 * 1024

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

export interface StagingOptions {
  folder: string
  nowMs: () => number
  /** Room on the disk that is left to others; a stream that would take it is `unavailable`. */
  spareBytes: number
}

/**
 * Opens the folder where bytes lie while they arrive. What interrupted processes have left there is swept now, and later when
 * it has become old enough: right after a crash it is not.
 */
export async function openStagingArea({ folder, nowMs, spareBytes }: StagingOptions): Promise<StagingArea> {
  await mkdir(folder, { recursive: true })
  let sweptAtMs = nowMs()
  await sweep(folder, sweptAtMs)
  const discard = (path: string) => rm(path, { force: true })

  async function assertRoom(): Promise<void> {
    const { bavail, bsize } = await statfs(folder)
    if (bavail * bsize < spareBytes) throw noRoom()
  }

  async function sweepAgain(): Promise<void> {
    if (nowMs() - sweptAtMs < leftOverAfterMs) return
    sweptAtMs = nowMs()
    await sweep(folder, sweptAtMs)
  }

  return {
    discard,
    async stage(stream, { maxBytes, signal }) {
      const path = join(folder, randomUUID())
      const hash = createHash('sha256')
      let size = 0
      let lookedAt = 0
      const counted = new Transform({
        async transform(chunk: Buffer, _encoding, done) {
          size += chunk.length
          if (size > maxBytes) return done(tooLarge(maxBytes))
          hash.update(chunk)
          if (size - lookedAt < spaceCheckBytes) return done(null, chunk)
          lookedAt = size
          await assertRoom().then(() => done(null, chunk), done)
        },
      })
      try {
        await sweepAgain()
        await assertRoom()
        await pipeline(stream, counted, createWriteStream(path, { flags: 'wx', flush: true }), signal ? { signal } : {})
      } catch (error) {
        await discard(path)
        throw asDiskProblem(error)
      }
      return { sha256: hash.digest('hex'), size, path }
    },
  }
}

async function sweep(folder: string, nowMs: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const info = await stat(path).catch(ifMissing(null))
    if (info && nowMs - info.mtimeMs > leftOverAfterMs) await rm(path, { force: true })
  }
}

export function tooLarge(maxBytes: number): ProblemError {
  return new ProblemError('payload-too-large', `The file is larger than the ${maxBytes} bytes that are accepted here.`)
}

function noRoom(cause?: unknown): ProblemError {
  const detail = 'The platform has no disk space left for packages. Try again later, or tell the operator.'
  return new ProblemError('unavailable', detail, { cause: cause ?? new Error('the disk is nearly full') })
}

const diskCodes = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE'])

/** A disk that takes no more is not the uploader's fault, and may be mended: 503. Anything else stays as it is. */
export function asDiskProblem(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code
  if (code === undefined || !diskCodes.has(code)) return error
  if (code === 'ENOSPC' || code === 'EDQUOT') return noRoom(error)
  const detail = 'The package store cannot be used now. Try again later, or tell the operator.'
  return new ProblemError('unavailable', detail, { cause: error })
}

/** For `catch`: a file that is not there is an answer. */
export function ifMissing<Value>(value: Value): (error: unknown) => Value {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return value
    throw error
  }
}
