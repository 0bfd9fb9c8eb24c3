import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EmbeddedPostgresError, systemCodeOf, unlessMissing } from './embedded-postgres-error.ts'
import { pollUntil } from './poll.ts'

const sqliteBusy = 5

export interface FolderLock {
  release(): Promise<void>
}

/**
 * Takes `folder` for this process alone, or rejects with `already-running`, naming the process that has it.
 *
 * Node has no flock; SQLite's lock on an empty database is the one lock of its standard library that the operating
 * system itself gives back when the process dies, so a SIGKILL never blocks the next start and no age of a file
 * has to be guessed. Nothing else in this process may open `ocelli.lock`: closing it would give the lock back.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const pidFile = join(folder, 'ocelli.pid')
  const database = await openLockFile(join(folder, 'ocelli.lock'))
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (sqliteCodeOf(error) !== sqliteBusy) throw unusable(folder, error)
    throw new EmbeddedPostgresError('already-running', await sentenceOfHolder(folder, pidFile), { cause: error })
  }
  await writeFile(pidFile, `${process.pid}\n`, { mode: 0o600 })
  return {
    async release() {
      if (!database.isOpen) return
      await writeFile(pidFile, '')
      database.close()
    },
  }
}

async function openLockFile(path: string): Promise<DatabaseSync> {
  try {
    await createOnce(path)
    return new DatabaseSync(path, { timeout: 0 })
  } catch (error) {
    throw unusable(path, error)
  }
}

/** SQLite would make it readable to all, and who can read it can lock it. */
async function createOnce(path: string): Promise<void> {
  try {
    // `wx`, because closing any handle on an existing file would drop this process's own lock on it (POSIX locks).
    await (await open(path, 'wx', 0o600)).close()
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error
  }
}

async function sentenceOfHolder(folder: string, pidFile: string): Promise<string> {
  // The holder writes its pid just after it got the lock, so a moment's patience tells it from a dead predecessor's.
  const pid = await pollUntil(async () => livePid(await unlessMissing(readFile(pidFile, 'utf8'))), { timeoutMs: 500 })
  return `Ocelli is already running on ${folder} (pid ${pid ?? 'unknown'}). Stop it first, or choose another OCELLI_HOME.`
}

function livePid(text: string | undefined): number | undefined {
  const pid = Number.parseInt(text ?? '', 10)
  return pid > 0 && isAlive(pid) ? pid : undefined
}

/** Whether a process of this id exists, no matter whose. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return systemCodeOf(error) === 'EPERM'
  }
}

function sqliteCodeOf(error: unknown): unknown {
  return error instanceof Error && 'errcode' in error ? error.errcode : undefined
}

function unusable(path: string, cause: unknown): EmbeddedPostgresError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new EmbeddedPostgresError(
    'folder-unusable',
    `Cannot lock ${path}: ${reason}. The folder must be writable by the user who starts Ocelli and lie on a file system with file locks.`,
    { cause },
  )
}
