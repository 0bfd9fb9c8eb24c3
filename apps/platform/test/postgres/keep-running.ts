import { pino } from 'pino'
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres/start-embedded-postgres.ts'

/**
 * A platform process reduced to its database: `node keep-running.ts <data folder>` starts the server, says so in one
 * line of JSON, and stops it on SIGTERM. Tests kill it, start it as other users, and start two of it.
 */
const stopRequested = new Promise((resolve) => process.once('SIGTERM', resolve))
// As a terminal's Ctrl-C does, SIGINT reaches the whole process group; here only PostgreSQL's part is of interest.
process.on('SIGINT', () => {})

const say = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`)

try {
  const log = pino({ level: 'warn' }, process.stderr)
  const server = await startEmbeddedPostgres({ dataFolder: process.argv[2] ?? '', log })
  const { connectionString, adopted, pid } = server
  say({ kind: 'running', connectionString, adopted, pid })
  const keepAlive = setInterval(() => {}, 60_000)
  await stopRequested
  clearInterval(keepAlive)
  await server.stop()
} catch (error) {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  say({ kind: 'failed', code, message: String(error) })
  process.exitCode = 1
}
