import { EmbeddedPostgresError } from './embedded-postgres-error.ts'
import type { Log } from './log.ts'
import type { ServerProcess } from './server-process.ts'

/** An immediate shutdown writes nothing; PostgreSQL itself kills what is left after 5 s. */
const immediateTimeoutMs = 15_000

/**
 * Ends a server and waits for its end: a fast shutdown, and an immediate one when that takes longer than `timeoutMs`.
 * Rejects with `stop-timeout` when even that does not end it.
 */
export async function stopServer(server: ServerProcess, options: { timeoutMs: number; log: Log }): Promise<void> {
  await server.shutDown('fast')
  if (await endsWithin(server, options.timeoutMs)) return
  options.log.warn(
    { postgresPid: server.pid },
    'PostgreSQL takes too long to stop; ending it at once. The next start recovers.',
  )
  await server.shutDown('immediate')
  if (await endsWithin(server, immediateTimeoutMs)) return
  throw new EmbeddedPostgresError(
    'stop-timeout',
    `PostgreSQL (pid ${server.pid}) does not stop. The next start of Ocelli will take it over, or wait for its end.`,
  )
}

async function endsWithin(server: ServerProcess, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), timeoutMs)
  server.gone.then(() => resolve(true))
  const hasEnded = await promise
  clearTimeout(timer)
  return hasEnded
}
