import { chown, mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { pollUntil } from '../../src/platform/embedded-postgres/poll.ts'
import { probeServer } from '../../src/platform/embedded-postgres/probe-server.ts'
import { runProgram } from '../../src/platform/embedded-postgres/run-program.ts'
import { connectionStringOf, findFreePort, ownName } from '../../src/platform/embedded-postgres/server-address.ts'
import { addressSettings, writeConf } from '../../src/platform/embedded-postgres/server-conf.ts'
import { createServerLog } from '../../src/platform/embedded-postgres/server-log.ts'
import { launchServer } from '../../src/platform/embedded-postgres/server-process.ts'
import { findServiceUser } from '../../src/platform/embedded-postgres/service-user.ts'
import { stopServer } from '../../src/platform/embedded-postgres/stop-server.ts'

const readyWithinMs = 60_000
const log = pino({ level: 'warn' }, process.stderr)

/**
 * Not the embedded server's: an operator's server compares text by a language's rules and has a time zone of its own,
 * so what forgets COLLATE "C" or UTC shows.
 */
const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en-US']
const serverTimeZone = 'America/St_Johns'

/**
 * Runs the PostgreSQL whose programs lie in `programs` (`/usr/lib/postgresql/15/bin`) on a free port of loopback, as an
 * unprivileged user when we are root. `folder` must be one that this user can pass through.
 */
export async function startInstalledServer(options: {
  programs: string
  folder: string
  settings: Record<string, string>
}): Promise<{ connectionString: string; stop(): Promise<void> }> {
  const { programs, settings } = options
  const program = (name: string) => join(programs, name)
  const binaries = {
    ...{ folder: programs, initdb: program('initdb'), postgres: program('postgres'), pgCtl: program('pg_ctl') },
  }
  const pg = join(await realpath(options.folder), 'pg')
  const pgData = join(pg, '0')
  const user = await findServiceUser({ pgData })
  await mkdir(pgData, { recursive: true, mode: 0o711 })
  if (user) await chown(pgData, user.uid, user.gid)
  const made = await runProgram(
    binaries.initdb,
    ['-D', pgData, '-U', ownName, '--auth=trust', '--no-sync', ...locale],
    { user },
  )
  if (made.exitCode !== 0) throw new Error(`${binaries.initdb} ended with ${made.exitCode}: ${made.output}`)
  const address = { kind: 'tcp' as const, host: '127.0.0.1', port: await findFreePort() }
  await writeConf(pgData, { timezone: serverTimeZone, ...settings, ...addressSettings(address) }, user)
  const serverLog = createServerLog(join(pg, 'postgres.log'))
  const server = await launchServer({ binaries, pgData, serverLog, user })
  const connectionString = connectionStringOf(address, 'none', 'postgres')
  const isReady = await pollUntil(
    async () => ((await probeServer(connectionString)).kind === 'ready' ? true : undefined),
    { timeoutMs: readyWithinMs, signal: whenGone(server.gone) },
  )
  if (!isReady) throw new Error(`${binaries.postgres} was not ready: ${await serverLog.tail()}`)
  return { connectionString, stop: () => stopServer(server, { timeoutMs: 10_000, log }) }
}

/** A server that ends while it starts ends the waiting too. */
function whenGone(gone: Promise<string>): AbortSignal {
  const ended = new AbortController()
  gone.then((how) => ended.abort(new Error(`PostgreSQL ended by itself: ${how}.`)))
  return ended.signal
}
