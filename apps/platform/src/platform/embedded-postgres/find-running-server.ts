import { realpath } from 'node:fs/promises'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import type { Log } from './log.ts'
import { pollUntil } from './poll.ts'
import { identifyPid, type PidIdentity, type PostmasterPid, readPostmasterPid } from './postmaster-pid.ts'
import { type ProbeAnswer, probeServer } from './probe-server.ts'
import { addressOf, connectionStringOf, type ServerAddress } from './server-address.ts'

/** `none` with a pid: postmaster.pid names a process that is alive and certainly not this folder's server. */
export type RunningServer =
  | { kind: 'running'; pid: number; address: ServerAddress }
  | { kind: 'none'; foreignPid?: number }

export type FindOptions = {
  pgData: string
  password: string
  timeoutMs: number
  log: Log
  signal?: AbortSignal
  /** `identifyPid` by default. */
  identify?: (pid: number, pgData: string) => Promise<PidIdentity>
  /** How long a process that may be our server may stay silent before it is taken for another program; 3 s. */
  doubtMs?: number
}

/**
 * Finds the live server that postmaster.pid of `pgData` names, such as one whose platform was killed, waiting while it
 * starts, recovers or shuts down. Never touches the file: a stale one is PostgreSQL's to judge and replace.
 */
export async function findRunningServer(options: FindOptions): Promise<RunningServer> {
  const doubtUntil = performance.now() + (options.doubtMs ?? 3_000)
  let waitingFor: number | undefined
  const found = await pollUntil(async () => {
    const entry = await readPostmasterPid(options.pgData)
    if (!entry) return { kind: 'none' } as const
    const verdict = await judge(entry, options)
    if (typeof verdict === 'object') return verdict
    if (verdict === 'silent-stranger' && performance.now() > doubtUntil) return { kind: 'none' } as const
    if (waitingFor !== entry.pid)
      options.log.info({ postgresPid: entry.pid }, 'PostgreSQL runs already; waiting for its answer.')
    waitingFor = entry.pid
    return undefined
  }, options)
  if (found) return found
  throw new EmbeddedPostgresError(
    'start-timeout',
    `PostgreSQL of ${options.pgData} (pid ${waitingFor}) runs, but has not answered for ${options.timeoutMs / 1000} s. If it hangs, end that process and start again.`,
  )
}

async function judge(
  entry: PostmasterPid,
  { pgData, password, identify = identifyPid }: FindOptions,
): Promise<RunningServer | 'wait' | 'silent-stranger'> {
  const identity = await identify(entry.pid, pgData)
  if (identity === 'dead') return { kind: 'none' }
  if (identity === 'foreign') return { kind: 'none', foreignPid: entry.pid }
  const silent = identity === 'ours' ? 'wait' : 'silent-stranger'
  const address = addressOf(entry)
  if (!address) return silent
  const answer = await probeServer(connectionStringOf(address, password, 'postgres'))
  switch (answer.kind) {
    case 'ready':
      // A stale file may name the port of another PostgreSQL of this machine.
      if (answer.dataFolder !== (await realpath(pgData))) return { kind: 'none' }
      return { kind: 'running', pid: entry.pid, address }
    case 'not-yet':
      return 'wait'
    case 'unreachable':
      return silent
    case 'password-refused':
      if (identity === 'unknown') return { kind: 'none' }
      throw passwordRefused(pgData, answer)
  }
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
