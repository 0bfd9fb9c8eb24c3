import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { sql } from 'kysely'
import { Client } from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { withClient } from '../../../test/postgres/test-database.ts'
import { toProblemError } from '../http/problem.ts'
import { openDatabase } from './database.ts'
import { awaitDatabase, isDatabaseAway } from './database-away.ts'
import { openPool } from './open-pool.ts'

let database: Awaited<ReturnType<typeof createTestDatabase>>
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const failure = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error('It worked.')),
    (error: unknown) => error,
  )
const said: string[] = []
const log = pino({}, { write: (line: string) => void said.push(JSON.parse(line).msg) })
const patience = { patienceMs: 30_000, signal: new AbortController().signal, log }

/** A server in place of PostgreSQL; `onSocket` says what it is like. */
async function pretend(onSocket: (socket: Socket) => unknown) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onSocket(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { port: address.port, close, url: `postgresql://nobody@127.0.0.1:${address.port}/nothing` }
}

test('a server that is not there is told as unavailable, to be asked again soon', async () => {
  const { url, close } = await pretend(() => undefined)
  await close()
  const error = await failure(new Client({ connectionString: url }).connect())
  expect(isDatabaseAway(error)).toBe(true)
  const { code, status, options } = toProblemError(error)
  expect({ code, status, wait: options.retryAfterSeconds }).toEqual({ code: 'unavailable', status: 503, wait: 5 })
})

test('a connection that is ended in the middle of a statement is one that is away', async () => {
  const { db, close } = openDatabase({ ...database, maxConnections: 1, onError: () => {} })
  onTestFinished(close)
  const error = failure(sql`SELECT pg_sleep(60)`.execute(db))
  await withClient(database.connectionString, async (client) => {
    for (let ended = 0; ended === 0; ) {
      const { rowCount } = await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%'",
      )
      ended = rowCount ?? 0
    }
  })
  expect(isDatabaseAway(await error)).toBe(true)
})

test('who waits too long for a free connection is told, and a server that says nothing is one that is away', async () => {
  const { pool, close } = openPool({ ...database, max: 1, connectionTimeoutMillis: 100 }, () => {})
  const held = await pool.connect()
  expect(isDatabaseAway(await failure(pool.query('SELECT 1')))).toBe(true)
  held.release()
  await close()

  const silent = await pretend(() => undefined)
  const other = openPool({ connectionString: silent.url, max: 1, connectionTimeoutMillis: 100 }, () => {})
  expect(isDatabaseAway(await failure(other.pool.query('SELECT 1')))).toBe(true)
  const alone = new Client({ connectionString: silent.url, connectionTimeoutMillis: 100 })
  expect(isDatabaseAway(await failure(alone.connect()))).toBe(true)
  await other.close()
  await silent.close()
})

test('a full disk of the database is unavailable, and told to whoever can make room', async () => {
  const full = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
  const error = toProblemError(await failure(withClient(database.connectionString, (client) => client.query(full))))
  expect(error).toMatchObject({ code: 'unavailable', status: 503 })
  expect(error.message).toContain('disk space')
})

test('what is wrong with a statement is not taken for absence', async () => {
  const error = await failure(withClient(database.connectionString, (client) => client.query('SELECT nonsense')))
  expect(isDatabaseAway(error)).toBe(false)
  expect(toProblemError(error)).toMatchObject({ code: 'internal', status: 500 })
})

test('a start waits for a server that comes a little later, and says so once', async () => {
  const real = new Client({ connectionString: database.connectionString })
  let isUp = false
  const server = await pretend((socket) => {
    if (!isUp) return socket.destroy()
    const behind = real.host.startsWith('/')
      ? connect(`${real.host}/.s.PGSQL.${real.port}`)
      : connect(real.port, real.host)
    behind.on('error', () => socket.destroy())
    socket.pipe(behind).pipe(socket)
  })
  onTestFinished(server.close)
  const login = `${real.user}:${encodeURIComponent(String(real.password ?? ''))}`
  const waiting = awaitDatabase(`postgresql://${login}@127.0.0.1:${server.port}/${real.database}`, patience)
  await expect.poll(() => said, { timeout: 20_000 }).toHaveLength(1)
  isUp = true
  await waiting
  expect(said).toEqual(['a part of the platform does not answer yet'])
})

test('a start that has waited long enough, is stopped, or is refused says why', async () => {
  const { url, close } = await pretend(() => undefined)
  await close()
  expect(await failure(awaitDatabase(url, { ...patience, patienceMs: 0 }))).toMatchObject({ code: 'ECONNREFUSED' })

  const stopping = new AbortController()
  const stopped = failure(awaitDatabase(url, { ...patience, signal: stopping.signal }))
  stopping.abort(new Error('stopped'))
  expect(await stopped).toBeInstanceOf(Error)

  const nowhere = new URL(database.connectionString)
  nowhere.pathname = '/no_such_database'
  expect(await failure(awaitDatabase(nowhere.href, patience))).toMatchObject({ code: '3D000' })
})
