import { type ChildProcess, spawn } from 'node:child_process'
import type { Binaries } from './binaries.ts'
import { systemCodeOf } from './embedded-postgres-error.ts'
import { isAlive } from './folder-lock.ts'
import { pollUntil } from './poll.ts'
import { readPostmasterPid } from './postmaster-pid.ts'
import { runProgram, spawnError, spawnOptions } from './run-program.ts'
import type { ServerLog } from './server-log.ts'
import type { ServiceUser } from './service-user.ts'

/** How long an ended adopted server may go unnoticed. */
const watchEveryMs = 500
const fastWatchMs = 60_000

/** `fast` rolls back open transactions and flushes; `immediate` ends at once, and the next start recovers. */
export type Shutdown = 'fast' | 'immediate'

export interface ServerProcess {
  readonly pid: number
  /** Settles with the way it ended (`exit code 1`, `signal SIGKILL`) when the server is gone. */
  readonly gone: Promise<string>
  shutDown(how: Shutdown): Promise<void>
}

export type LaunchOptions = {
  binaries: Binaries
  pgData: string
  serverLog: ServerLog
  user?: ServiceUser
  /** A pid in postmaster.pid that certainly is not this folder's server. */
  foreignPid?: number
}

/** Starts `postgres` as a child of ours; settles as soon as it runs, not when it is ready. */
export async function launchServer(options: LaunchOptions): Promise<ServerProcess> {
  const logFile = await options.serverLog.openForServer()
  try {
    const child = spawn(options.binaries.postgres, ['-D', options.pgData], launchSettings(options, logFile.fd))
    const gone = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`))
    })
    const pid = await spawned(child, options.binaries.postgres)
    // Whether this process lives on is for its servers to say, not for PostgreSQL.
    child.unref()
    return { pid, gone, shutDown: async (how) => signalServer(pid, how) }
  } finally {
    await logFile.close()
  }
}

function launchSettings(options: LaunchOptions, logFd: number) {
  const base = spawnOptions(options.user)
  // PostgreSQL takes a pid that was given out again to another process of its user for a live server, except its
  // grandparent's (CreateLockFile in miscinit.c). Its own check of the shared memory block stays in force.
  const env = { ...base.env, ...(options.foreignPid && { PG_GRANDPARENT_PID: String(options.foreignPid) }) }
  return { ...base, env, stdio: ['ignore', logFd, logFd] as ['ignore', number, number] }
}

function spawned(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(spawnError(program, cause)))
    child.once('spawn', () => resolve(child.pid ?? 0))
  })
}

/**
 * Starts the server through `pg_ctl`, the way of Windows: there PostgreSQL refuses an administrator's rights, which
 * pg_ctl gives up, and has no signals, which pg_ctl speaks for. Settles when the server is ready.
 */
export async function launchThroughPgCtl(
  options: LaunchOptions & { timeoutMs: number; signal?: AbortSignal },
): Promise<ServerProcess> {
  const { binaries, pgData, serverLog, user } = options
  const seconds = String(Math.ceil(options.timeoutMs / 1000))
  const args = ['start', '-w', '-s', '-t', seconds, '-D', pgData, '-l', serverLog.path]
  const { exitCode, output } = await runProgram(binaries.pgCtl, args, { user, signal: options.signal }).catch(
    async (error: unknown) => {
      // An aborted pg_ctl leaves the server that it has started.
      await runProgram(binaries.pgCtl, ['stop', '-w', '-s', '-m', 'fast', '-D', pgData], { user })
      throw error
    },
  )
  const entry = await readPostmasterPid(pgData)
  if (exitCode === 0 && entry) return watchServer({ pid: entry.pid, pgData, binaries, user, hasSignals: false })
  return { pid: 0, gone: Promise.resolve(output || `pg_ctl ended with ${exitCode}`), shutDown: async () => {} }
}

/** A server that is no child of ours: adopted, or started through `pg_ctl`. */
export function watchServer(options: {
  pid: number
  pgData: string
  binaries: Binaries
  user?: ServiceUser
  hasSignals: boolean
}): ServerProcess {
  const { pid, pgData, binaries, user } = options
  const ended = Promise.withResolvers<string>()
  const look = async () => {
    if (await isServing(pid, pgData)) return
    clearInterval(timer)
    ended.resolve('a way that only its parent could see')
  }
  // A look that fails says nothing of the server; the next one may.
  const timer = setInterval(() => look().catch(() => {}), watchEveryMs)
  timer.unref()
  return {
    pid,
    gone: ended.promise,
    async shutDown(how) {
      if (await isServing(pid, pgData)) {
        if (options.hasSignals) signalServer(pid, how)
        else await runProgram(binaries.pgCtl, ['stop', '-W', '-s', '-m', how, '-D', pgData], { user })
      }
      // Whoever shuts down waits for the end, which the slow watch would show late.
      const end = pollUntil(async () => ((await isServing(pid, pgData)) ? undefined : true), { timeoutMs: fastWatchMs })
      end.then(look).catch(() => {})
    },
  }
}

/** A server deletes its postmaster.pid last of all; one that nobody reaps stays in the process table beyond that. */
async function isServing(pid: number, pgData: string): Promise<boolean> {
  return isAlive(pid) && (await readPostmasterPid(pgData))?.pid === pid
}

function signalServer(pid: number, how: Shutdown): void {
  try {
    process.kill(pid, how === 'fast' ? 'SIGINT' : 'SIGQUIT')
  } catch (error) {
    if (systemCodeOf(error) !== 'ESRCH') throw error
  }
}
