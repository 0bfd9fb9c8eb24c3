import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, open, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { unlessMissing } from '../../src/platform/embedded-postgres/embedded-postgres-error.ts'
import { isAlive } from '../../src/platform/embedded-postgres/folder-lock.ts'
import { pollUntil } from '../../src/platform/embedded-postgres/poll.ts'
import { readPostmasterPid } from '../../src/platform/embedded-postgres/postmaster-pid.ts'
import { isRoot } from '../../src/platform/embedded-postgres/service-user.ts'
import {
  type StartOptions,
  startEmbeddedPostgres,
} from '../../src/platform/embedded-postgres/start-embedded-postgres.ts'
import { withClient } from './test-database.ts'

export const quiet = pino({ level: 'silent' })

/**
 * Makes data folders for the tests of one file: `bare` has nothing in it, `empty` has the programs that root's servers
 * need (60 MB, copied once for all), `initialized` also a database, which spares initdb.
 */
export function postgresFolders() {
  let seed = ''
  beforeAll(async () => {
    seed = await makeFolder()
    const server = await startEmbeddedPostgres({ dataFolder: seed, log: quiet, settings: { fsync: 'off' } })
    await server.stop()
  })
  afterAll(() => deleteFolder(seed))

  async function bare(): Promise<string> {
    const folder = await makeFolder()
    onTestFinished(() => deleteFolder(folder))
    return folder
  }
  async function empty(): Promise<string> {
    const folder = await bare()
    if (isRoot()) {
      await mkdir(join(folder, 'pg'))
      await symlink(join(seed, 'pg', 'bin'), join(folder, 'pg', 'bin'))
    }
    return folder
  }
  async function initialized(): Promise<string> {
    const folder = await empty()
    await mkdir(join(folder, 'pg'), { recursive: true })
    // Owners too, which `fs.cp` does not keep.
    await promisify(execFile)('cp', ['-a', pgDataIn(seed), pgDataIn(folder)])
    return folder
  }
  return { bare, empty, initialized }
}

/** A folder that the server's user can pass through. */
async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-test-'))
  await chmod(folder, 0o711)
  return folder
}

/** Ends whatever still serves the folder, and deletes it. */
async function deleteFolder(folder: string): Promise<void> {
  const entry = await readPostmasterPid(pgDataIn(folder))
  if (entry && (await isRunning(entry.pid))) process.kill(entry.pid, 'SIGQUIT')
  await rm(folder, { recursive: true, force: true, maxRetries: 20 })
}

export function pgDataIn(folder: string): string {
  return join(folder, 'pg', '18')
}

/** Starts the embedded server in this process, without flushing to disk, and stops it with the test. */
export async function startIn(folder: string, options: Partial<StartOptions> = {}) {
  const settings = { fsync: 'off', ...options.settings }
  const server = await startEmbeddedPostgres({ dataFolder: folder, log: quiet, ...options, settings })
  onTestFinished(() => server.stop())
  return server
}

/** PostgreSQL's own word for how the data were left: 1 is "shut down", 6 "in production" (DBState, pg_control.h). */
export async function clusterState(pgData: string): Promise<number> {
  const file = await open(join(pgData, 'global', 'pg_control'))
  try {
    // After system_identifier (8 bytes), pg_control_version and catalog_version_no (4 each).
    return (await file.read({ buffer: Buffer.alloc(4), position: 16 })).buffer.readInt32LE()
  } finally {
    await file.close()
  }
}

export const shutDown = 1
export const inProduction = 6

export async function queryOne(connectionString: string, sql: string): Promise<unknown> {
  return withClient(connectionString, async (client) => {
    const { rows } = await client.query({ text: sql, rowMode: 'array' })
    return rows[0]?.[0]
  })
}

/** Waits until the probe gives something; fails the test after 20 s. */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const found = await pollUntil(probe, { timeoutMs: 20_000 })
  if (found === undefined) throw new Error(`In 20 s it did not happen: ${what}.`)
  return found
}

/** Whether the process exists and is more than a table entry that nobody reaps. */
export async function isRunning(pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false
  if (process.platform !== 'linux') return true
  const state = await unlessMissing(readFile(`/proc/${pid}/stat`, 'utf8'))
  return state !== undefined && !/\) Z /.test(state)
}
