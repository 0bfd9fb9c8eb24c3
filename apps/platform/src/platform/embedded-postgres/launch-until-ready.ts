import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import { passwordRefused } from './find-running-server.ts'
import type { Log } from './log.ts'
import { pollUntil } from './poll.ts'
import { readPostmasterPid } from './postmaster-pid.ts'
import { probeServer } from './probe-server.ts'
import { chooseAddress, connectionStringOf, type ServerAddress } from './server-address.ts'
import { addressSettings, defaultSettings, writeConf } from './server-conf.ts'
import { lastWordsIn } from './server-log.ts'
import { type LaunchOptions, launchServer, launchThroughPgCtl, type ServerProcess } from './server-process.ts'
import { stopServer } from './stop-server.ts'

/** Backends that outlive a killed postmaster end at their next look; a long computation looks late. */
const memoryInUseMs = 20_000
const mostPortTries = 5
const tryAgainAfterMs = 100
/** A start that lasts longer than this is worth a line of log. */
const quietMs = 3_000
/** For a server that is given up while it starts. */
const giveUpMs = 10_000

export type LaunchUntilReadyOptions = LaunchOptions & {
  password: string
  settings: Record<string, string>
  timeoutMs: number
  /** Asked anew before each try; `chooseAddress` by default. */
  chooseAddress?: (pgData: string) => Promise<ServerAddress>
  log: Log
  signal?: AbortSignal
}

/** Why a server ended while it started, as far as trying again can help. */
export type StartFailure = 'memory-in-use' | 'port-taken' | 'other'

/** Reads the cause from the server's log, whose messages are untranslated (LC_ALL=C). */
export function startFailureIn(logTail: string): StartFailure {
  if (/pre-existing shared memory block/.test(logTail)) return 'memory-in-use'
  return /could not create any TCP\/IP sockets|could not bind/.test(logTail) ? 'port-taken' : 'other'
}

type Attempt =
  | { kind: 'ready'; server: ServerProcess; address: ServerAddress }
  | { kind: 'ended'; how: string; logTail: string }

/** Starts the server of `pgData` and waits until it answers our password. */
export async function launchUntilReady(
  options: LaunchUntilReadyOptions,
): Promise<{ server: ServerProcess; address: ServerAddress }> {
  const tryAgainUntil = performance.now() + memoryInUseMs
  for (let portTries = 1; ; ) {
    const attempt = await launchOnce(options)
    if (attempt.kind === 'ready') return attempt
    const failure = startFailureIn(attempt.logTail)
    const mayTryAgain =
      (failure === 'memory-in-use' && performance.now() < tryAgainUntil) ||
      (failure === 'port-taken' && portTries++ < mostPortTries)
    if (!mayTryAgain) throw startFailed(options, attempt)
    options.log.warn({ failure }, 'PostgreSQL did not start; trying again.')
    await sleep(tryAgainAfterMs, undefined, { signal: options.signal })
  }
}

async function launchOnce(options: LaunchUntilReadyOptions): Promise<Attempt> {
  const { pgData, serverLog, settings, user, signal } = options
  const address = await (options.chooseAddress ?? chooseAddress)(pgData)
  const conf = { ...defaultSettings(process.platform), ...settings, ...addressSettings(address) }
  await writeConf(pgData, conf, user)
  await serverLog.rotate()
  await serverLog.mark()
  signal?.throwIfAborted()
  const server = await (process.platform === 'win32' ? launchThroughPgCtl(options) : launchServer(options))
  try {
    const how = await untilReady(server, address, options)
    return how === 'ready'
      ? { kind: 'ready', server, address }
      : { kind: 'ended', how, logTail: await serverLog.tail() }
  } catch (error) {
    await stopServer(server, { timeoutMs: giveUpMs, log: options.log })
    throw error
  }
}

/** Gives `ready`, or how the server ended. */
async function untilReady(
  server: ServerProcess,
  address: ServerAddress,
  options: LaunchUntilReadyOptions,
): Promise<string> {
  const { pgData, password, timeoutMs, log, signal } = options
  let ended: string | undefined
  server.gone.then((how) => {
    ended = how
  })
  const patience = setTimeout(
    () => log.info('PostgreSQL is starting; it may be recovering from a kill or a power cut.'),
    quietMs,
  )
  try {
    const outcome = await pollUntil(
      async () => {
        if (ended !== undefined) return ended
        const entry = await readPostmasterPid(pgData)
        if (entry?.pid !== server.pid || entry.status !== 'ready') return undefined
        const answer = await probeServer(connectionStringOf(address, password, 'postgres'))
        if (answer.kind === 'password-refused') throw passwordRefused(pgData, answer)
        return answer.kind === 'ready' ? 'ready' : undefined
      },
      { timeoutMs, signal },
    )
    if (outcome !== undefined) return outcome
  } finally {
    clearTimeout(patience)
  }
  throw new EmbeddedPostgresError(
    'start-timeout',
    `PostgreSQL of ${pgData} was not ready after ${timeoutMs / 1000} s and was stopped. Its log: ${options.serverLog.path}`,
  )
}

function startFailed(options: LaunchUntilReadyOptions, attempt: Attempt & { kind: 'ended' }): EmbeddedPostgresError {
  const reason = lastWordsIn(attempt.logTail) || 'it wrote nothing to its log.'
  return new EmbeddedPostgresError(
    'start-failed',
    `PostgreSQL of ${options.pgData} did not start (${attempt.how}): ${reason} Its log: ${options.serverLog.path}`,
  )
}
