import { realpath } from 'node:fs/promises'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import type { Log } from './log.ts'
import { pollUntil } from './poll.ts'
import { identifyPid, type PidIdentity, type PostmasterPid, readPostmasterPid } from './postmaster-pid.ts'
import { type ProbeAnswer, probeServer } from './probe-server.ts'
import { addressOf, connectionStringOf, type ServerAddress } from './server-address.ts'

/** How long a process that may be our server may stay silent before we take it for another program. */
const doubtMs = 3_000

/** `none` with a pid: postmaster.pid names a process that is alive and certainly not this folder's server. */
export type RunningServer =
  | { kind: 'running'; pid: number; address: ServerAddress }
  | { kind: 'none'; foreignPid?: number }

export type FindOptions = { pgData: string; password: string; timeoutMs: number; log: Log; signal?: AbortSignal }

/**
 * Finds the live server that postmaster.pid of `pgData` names, such as one whose platform was killed, waiting while it
 * starts, recovers or shuts down. Never touches the file: a stale one is PostgreSQL's to judge and replace.
 */
export async function findRunningServer(options: FindOptions): Promise<RunningServer> {
  const doubtUntil = performance.now() + doubtMs
  let silentPid: number | undefined
  const found = await pollUntil(async () => {
    const entry = await readPostmasterPid(options.pgData)
    if (!entry) return { kind: 'none' } as const
    const identity = await identifyPid(entry.pid, options.pgData)
    const verdict = await judge(entry, identity, options)
    if (verdict) return verdict
    if (identity === 'unknown' && performance.now() > doubtUntil) return { kind: 'none' } as const
    if (silentPid === undefined)
      options.log.info({ pid: entry.pid }, 'PostgreSQL runs already; waiting until it answers.')
    silentPid = entry.pid
    return undefined
  }, options)
  if (found) return found
  throw new EmbeddedPostgresError(
    'start-timeout',
    `PostgreSQL of ${options.pgData} (pid ${silentPid}) runs, but has not answered for ${options.timeoutMs / 1000} s. If it hangs, end that process and start again.`,
  )
}

/** Undefined: look again. */
async function judge(
  entry: PostmasterPid,
  identity: PidIdentity,
  { pgData, password }: FindOptions,
): Promise<RunningServer | undefined> {
  if (identity === 'dead') return { kind: 'none' }
  if (identity === 'foreign') return { kind: 'none', foreignPid: entry.pid }
  const address = addressOf(entry)
  if (!address || entry.status === 'stopping') return undefined
  const answer = await probeServer(connectionStringOf(address, password, 'postgres'))
  if (answer.kind === 'ready' && answer.dataFolder === (await realpath(pgData))) {
    return { kind: 'running', pid: entry.pid, address }
  }
  if (identity === 'unknown' && answer.kind !== 'not-yet' && answer.kind !== 'unreachable') return { kind: 'none' }
  if (answer.kind === 'password-refused') throw passwordRefused(pgData, answer)
  return undefined
}

/** The server is ours, and the password beside its data is not the one it was made with. */
export function passwordRefused(
  pgData: string,
  answer: ProbeAnswer & { kind: 'password-refused' },
): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'password-refused',
    `PostgreSQL of ${pgData} refuses the password in ocelli.password. Restore that file from the backup of the data folder.`,
    { cause: answer.cause },
  )
}
