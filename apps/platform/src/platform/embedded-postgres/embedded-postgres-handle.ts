import type { PostgresPackage } from './binaries.ts'
import type { FolderLock } from './folder-lock.ts'
import type { Log } from './log.ts'
import { lastWordsIn, type ServerLog } from './server-log.ts'
import type { ServerProcess } from './server-process.ts'
import { stopServer } from './stop-server.ts'

export interface EmbeddedPostgres {
  /** For the database `ocelli`, as its owner. Holds the password: never log it. */
  readonly connectionString: string
  /** The server ran already, left by a platform that was killed. */
  readonly adopted: boolean
  readonly major: number
  readonly pid: number
  /** Ends the server and gives the folder back; again and again the same promise. */
  stop(): Promise<void>
  /** Calls back, with a sentence for the log, when the server ends without `stop`; at once if it has already. */
  onUnexpectedExit(callback: (reason: string) => void): void
}

export function createHandle(options: {
  server: ServerProcess
  connectionString: string
  adopted: boolean
  package: PostgresPackage
  lock: FolderLock
  log: Log
  serverLog: ServerLog
  stopTimeoutMs: number
}): EmbeddedPostgres {
  const { connectionString, adopted, server, lock, log, serverLog, stopTimeoutMs } = options
  const { pid } = server
  const stopBounding = serverLog.keepBounded(log)
  const unexpectedExit = Promise.withResolvers<string>()
  let stopping: Promise<void> | undefined

  server.gone.then(async (how) => {
    if (stopping) return
    const said = await serverLog.tail().then(lastWordsIn, (error: unknown) => `Its log cannot be read: ${error}.`)
    const reason = `PostgreSQL (pid ${pid}) ended by itself: ${how}. ${said}`
    log.error({ postgresPid: pid, how }, reason)
    unexpectedExit.resolve(reason)
  })

  async function end(): Promise<void> {
    try {
      await stopServer(server, { timeoutMs: stopTimeoutMs, log })
      log.info({ postgresPid: pid }, 'PostgreSQL has stopped.')
    } finally {
      stopBounding()
      await lock.release()
    }
  }

  return {
    connectionString,
    adopted,
    major: options.package.major,
    pid,
    stop() {
      stopping ??= end()
      return stopping
    },
    onUnexpectedExit(callback) {
      unexpectedExit.promise.then(callback)
    },
  }
}
