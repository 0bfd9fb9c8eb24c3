import { type Binaries, locatePackage, type PostgresPackage, prepareBinaries, removeOldCopies } from './binaries.ts'
import { createCluster, readPassword } from './create-cluster.ts'
import { EmbeddedPostgresError, systemCodeOf } from './embedded-postgres-error.ts'
import { createHandle, type EmbeddedPostgres } from './embedded-postgres-handle.ts'
import { findRunningServer } from './find-running-server.ts'
import { lockFolder } from './folder-lock.ts'
import { launchUntilReady } from './launch-until-ready.ts'
import type { Log } from './log.ts'
import { closeToOthers, handOver, hasCluster, prepareFolders, type ServerFolders } from './prepare-folder.ts'
import { ensureDatabase } from './probe-server.ts'
import { runProgram } from './run-program.ts'
import { connectionStringOf } from './server-address.ts'
import { createServerLog, type ServerLog } from './server-log.ts'
import { type ServerProcess, watchServer } from './server-process.ts'
import { findClosedFolder, findServiceUser, type ServiceUser } from './service-user.ts'
import { stopServer } from './stop-server.ts'

export type StartOptions = {
  /** OCELLI_HOME; the database lies in `pg/<major>` below. */
  dataFolder: string
  log: Log
  /** Ends the start, also in the middle of initdb; without meaning once started. */
  signal?: AbortSignal
  /** PostgreSQL settings over the default ones. `fsync: 'off'` also skips the flush of a new database. */
  settings?: Record<string, string>
  /** Who runs PostgreSQL when we are root: by default `postgres`, else `nobody`. */
  user?: string
  /** `ignore` is for the import alone: an empty database beside another version's data. */
  otherMajor?: 'refuse' | 'ignore'
  /** Recovery after a power cut may take minutes on a slow disk; 300 s by default. */
  startTimeoutMs?: number
  /** For the fast shutdown, before the immediate one; 30 s by default. */
  stopTimeoutMs?: number
}

type Context = Omit<StartOptions, 'user'> & {
  folders: ServerFolders
  package: PostgresPackage
  binaries: Binaries
  serverLog: ServerLog
  user: ServiceUser | undefined
  password: string
}

type Started = { server: ServerProcess; connectionString: string; adopted: boolean }

/** For a server that is given up right after its start. */
const giveUpMs = 10_000

/**
 * Starts the embedded PostgreSQL of a data folder, makes its database at the first start, and takes over a server that
 * a killed platform left running. One platform process per folder: the second gets `already-running`.
 * Rejects with EmbeddedPostgresError.
 */
export async function startEmbeddedPostgres(options: StartOptions): Promise<EmbeddedPostgres> {
  try {
    return await start(options)
  } catch (cause) {
    if (cause instanceof EmbeddedPostgresError) throw cause
    if (options.signal?.aborted) {
      throw new EmbeddedPostgresError('cancelled', 'The start of PostgreSQL was cancelled.', { cause })
    }
    if (systemCodeOf(cause) === undefined || !(cause instanceof Error)) throw cause
    throw new EmbeddedPostgresError(
      'folder-unusable',
      `Cannot keep the database in ${options.dataFolder}: ${cause.message}. Everything below it must belong to the user who starts Ocelli.`,
      { cause },
    )
  }
}

async function start(options: StartOptions): Promise<EmbeddedPostgres> {
  const postgresPackage = await locatePackage()
  const folders = await prepareFolders(options.dataFolder, postgresPackage.major)
  const lock = await lockFolder(folders.pg)
  try {
    options.signal?.throwIfAborted()
    const context = await prepare(options, folders, postgresPackage)
    const started = await adoptOrLaunch(context)
    await finishStart(context, started)
    return createHandle({ ...started, ...context, lock, stopTimeoutMs: options.stopTimeoutMs ?? 30_000 })
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function prepare(options: StartOptions, folders: ServerFolders, pack: PostgresPackage): Promise<Context> {
  const { pgData, copies } = folders
  const exists = await hasCluster(folders, pack.major, options.otherMajor === 'ignore')
  const user = await findServiceUser({ pgData, wanted: options.user })
  const binaries = await prepareBinaries({ package: pack, copyFolder: copies, mustCopy: user !== undefined })
  if (user) await checkEntrance(binaries, user)
  if (!exists) {
    options.log.info({ pgData, version: pack.version }, 'Making the database.')
    const isDurable = options.settings?.fsync !== 'off'
    await createCluster({ binaries, pgData, user, isDurable, signal: options.signal })
  } else if (user) await handOver(pgData, user)
  await closeToOthers(pgData)
  const password = await readPassword(pgData)
  const serverLog = createServerLog(folders.log)
  return { ...options, folders, package: pack, binaries, serverLog, user, password }
}

async function adoptOrLaunch(context: Context): Promise<Started> {
  const { binaries, log, password, serverLog, signal, user } = context
  const { pgData } = context.folders
  const timeoutMs = context.startTimeoutMs ?? 300_000
  const running = await findRunningServer({ pgData, password, timeoutMs, log, signal })
  if (running.kind === 'running') {
    await serverLog.mark()
    const server = watchServer({ pid: running.pid, pgData, binaries, user, hasSignals: process.platform !== 'win32' })
    return { server, connectionString: connectionStringOf(running.address, password), adopted: true }
  }
  const { foreignPid } = running
  const settings = context.settings ?? {}
  const launch = { binaries, pgData, serverLog, user, foreignPid, password, settings, timeoutMs, log, signal }
  const { server, address } = await launchUntilReady(launch)
  return { server, connectionString: connectionStringOf(address, password), adopted: false }
}

/** A server of ours that cannot be put to use is stopped again; an adopted one stays as it was found. */
async function finishStart({ folders, log, package: pack, signal }: Context, started: Started): Promise<void> {
  const { server, connectionString, adopted } = started
  try {
    await ensureDatabase(connectionString)
    if (!adopted) {
      await removeOldCopies(folders.copies, pack).catch((err: unknown) =>
        log.warn({ err }, 'Cannot delete the programs of an older PostgreSQL.'),
      )
    }
    signal?.throwIfAborted()
    log.info({ postgresPid: server.pid }, adopted ? 'Took over the running PostgreSQL.' : 'PostgreSQL is ready.')
  } catch (error) {
    if (!adopted) await stopServer(server, { timeoutMs: giveUpMs, log })
    throw error
  }
}

/** Says which folder keeps the service user out; PostgreSQL's own words would be a bare "permission denied". */
async function checkEntrance(binaries: Binaries, user: ServiceUser): Promise<void> {
  const closed = await findClosedFolder(binaries.folder, user)
  if (closed === undefined) return
  try {
    // Mode bits do not show access lists; the attempt decides.
    await runProgram(binaries.postgres, ['--version'], { user })
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'folder-closed',
      `PostgreSQL runs as ${user.name}, who may not enter ${closed}. Set OCELLI_HOME to a folder that this user can reach, such as /var/lib/ocelli, or start Ocelli as an ordinary user.`,
      { cause },
    )
  }
}
