import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Clock } from './clock.ts'
import { GatewayError } from './gateway-error.ts'

export interface FolderLock {
  release(): void
}

const busy = 5 // SQLITE_BUSY

/**
 * Only one `run` works in a folder. SQLite's exclusive transaction is a lock of the operating system on Linux, macOS and
 * Windows: it ends with the process however that ends, so there is no stale lock and no process id to guess from.
 * Waits up to `waitMs`, since the one before may be about to stop. Throws `already-running`.
 */
export async function lockFolder(
  folder: string,
  options: { clock: Clock; waitMs: number; signal: AbortSignal },
): Promise<FolderLock> {
  const { clock, waitMs, signal } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const until = clock.monotonic() + waitMs
  for (;;) {
    const lock = tryLock(join(folder, 'run.lock'))
    if (lock) return lock
    if (clock.monotonic() >= until) {
      throw new GatewayError('already-running', `Another gateway runs on ${folder}. Stop it first, or use --home.`)
    }
    await clock.sleep(100, signal)
  }
}

function tryLock(file: string): FolderLock | null {
  const database = new DatabaseSync(file)
  try {
    database.exec('BEGIN EXCLUSIVE')
    return { release: () => database.isOpen && database.close() }
  } catch (error) {
    database.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === busy) return null
    throw error
  }
}
