import { copyFile, type FileHandle, open, stat, truncate } from 'node:fs/promises'
import { unlessMissing } from './embedded-postgres-error.ts'
import type { Log } from './log.ts'

/** With the file before it, two of these at most; what one minute adds comes on top. */
const maxBytes = 10 * 1024 * 1024
const checkEveryMs = 60_000
const longestQuoteBytes = 4000
const quotedLines = 6

export interface ServerLog {
  readonly path: string
  /** The end of what was written since the last `mark`. */
  tail(): Promise<string>
  mark(): Promise<void>
  /** Opens the file for a server to append to; the caller closes it when the server has it. */
  openForServer(): Promise<FileHandle>
  /** Empties the file into `<path>.1` when it has grown past the bound. */
  rotate(): Promise<void>
  /** Keeps the file bounded until the function given back is called. */
  keepBounded(log: Log): () => void
}

/**
 * The server's log file. The server writes to it directly and not through us, so it goes on when we are killed; it
 * appends, so emptying the file under its hands is safe.
 */
export function createServerLog(path: string, limit: { maxBytes: number } = { maxBytes }): ServerLog {
  let startAtByte = 0
  const sizeInBytes = async () => (await unlessMissing(stat(path)))?.size ?? 0
  async function rotate() {
    if ((await sizeInBytes()) <= limit.maxBytes) return
    await copyFile(path, `${path}.1`)
    await truncate(path, 0)
    startAtByte = 0
  }
  return {
    path,
    rotate,
    openForServer: () => open(path, 'a', 0o600),
    async mark() {
      startAtByte = await sizeInBytes()
    },
    async tail() {
      const size = await sizeInBytes()
      const from = Math.max(startAtByte, size - longestQuoteBytes)
      if (size <= from) return ''
      const file = await open(path, 'r')
      try {
        const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - from), position: from })
        return buffer.toString('utf8', 0, bytesRead).trim()
      } finally {
        await file.close()
      }
    },
    keepBounded(log) {
      const timer = setInterval(() => {
        rotate().catch((err: unknown) => log.warn({ err, path }, 'Cannot shorten the log of PostgreSQL.'))
      }, checkEveryMs)
      timer.unref()
      return () => clearInterval(timer)
    },
  }
}

/** The last lines of a server's log, without their time and process: what it said before it ended. */
export function lastWordsIn(tail: string): string {
  const lines = tail.split('\n').filter((line) => line.trim() !== '')
  return lines
    .slice(-quotedLines)
    .map((line) => line.replace(/^\S+ \S+ \S+ \[\d+\] /, ''))
    .join(' ')
}
