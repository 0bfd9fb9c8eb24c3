import { sql } from 'kysely'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { withClient } from '../../../test/postgres/test-database.ts'
import { toProblemError } from '../http/problem.ts'
import { type Database, openDatabase } from './database.ts'
import { inTransaction } from './in-transaction.ts'
import { migrate } from './migrate.ts'
import { openClient } from './open-client.ts'
import { openPool } from './open-pool.ts'
import { allowLongStatements, cutOffBy, limitsOf, noLimits, type SessionLimits, usualLimits } from './session-limits.ts'

let database: Awaited<ReturnType<typeof createTestDatabase>>
beforeAll(async () => {
  database = await createTestDatabase()
  await withClient(database.connectionString, (client) =>
    client.query('CREATE TABLE thing (id int PRIMARY KEY, count int); INSERT INTO thing VALUES (1, 0)'),
  )
})
afterAll(() => database.drop())

/** A pool of one connection, so that what follows runs on the one that was cut off. */
function open(limits: SessionLimits): Database {
  const { db, close } = openDatabase({ ...database, maxConnections: 1, limits, onError: () => {} })
  onTestFinished(close)
  return db
}
const failure = (work: Promise<unknown>) =>
  work.then(
    () => Promise.reject(new Error('It worked.')),
    (error: unknown) => error,
  )
const raise = (db: Database) => sql`UPDATE thing SET count = count + 1 WHERE id = ${1}`.execute(db)
const sleep = (db: Database, seconds: number) => sql`SELECT pg_sleep(${seconds})`.execute(db)
const setting = async (db: Database, name: string) =>
  (await sql<{ value: string }>`SELECT current_setting(${name}) AS value`.execute(db)).rows[0]?.value
const backend = async (db: Database) =>
  (await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(db)).rows[0]?.pid

test('a statement that runs too long is cut off, alone and in a transaction, and its connection goes on', async () => {
  const db = open({ ...usualLimits, statementTimeoutMs: 100 })
  const pid = await backend(db)
  expect(cutOffBy(await failure(sleep(db, 60)))).toBe('statement')
  const error = await failure(inTransaction(db, (transaction) => sleep(transaction, 60)))
  expect(toProblemError(error)).toMatchObject({ code: 'took-too-long', status: 503 })
  expect(await backend(db)).toBe(pid)
})

test('a lock that somebody keeps is waited for only so long, nothing is left half done, and later it works', async () => {
  const db = open({ ...usualLimits, lockTimeoutMs: 100 })
  const pid = await backend(db)
  await withClient(database.connectionString, async (stuck) => {
    await stuck.query('BEGIN; SELECT FROM thing WHERE id = 1 FOR UPDATE')
    const error = await failure(
      inTransaction(db, async (transaction) => {
        await sql`INSERT INTO thing VALUES (2, 0)`.execute(transaction)
        await raise(transaction)
      }),
    )
    expect(cutOffBy(error)).toBe('lock')
    expect(toProblemError(error)).toMatchObject({ code: 'unavailable', options: { retryAfterSeconds: 5 } })
    await stuck.query('ROLLBACK')
  })
  await raise(db)
  const { rows } = await sql`SELECT id FROM thing`.execute(db)
  expect([rows, await backend(db)]).toEqual([[{ id: 1 }], pid])
})

test('whoever falls silent in the middle of a transaction loses its locks, is told so, and begins anew', async () => {
  const db = open({ ...usualLimits, idleInTransactionTimeoutMs: 100 })
  const pid = await backend(db)
  const [locked, frozen] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const transaction = failure(
    inTransaction(db, async (transaction) => {
      await raise(transaction)
      locked.resolve()
      await frozen.promise
      await raise(transaction)
    }),
  )
  await Promise.race([locked.promise, transaction])
  await withClient(database.connectionString, (other) => other.query('UPDATE thing SET count = 7 WHERE id = 1'))
  frozen.resolve()
  expect(toProblemError(await transaction)).toMatchObject({ code: 'unavailable', status: 503 })
  expect((await sql`SELECT count FROM thing WHERE id = 1`.execute(db)).rows).toEqual([{ count: 7 }])
  expect(await backend(db)).not.toBe(pid)
})

test('the end of a silent session is absence, also where it is read as the answer to a statement', () => {
  const ended = Object.assign(new Error('terminating connection due to idle-in-transaction timeout'), { code: '25P03' })
  expect(toProblemError(ended)).toMatchObject({ code: 'unavailable', status: 503 })
})

test('what is written whole has more time, in its own transaction only', async () => {
  const db = open({ ...usualLimits, statementTimeoutMs: 100 })
  await db.transaction().execute(async (transaction) => {
    await allowLongStatements(transaction)
    await sleep(transaction, 0.3)
    expect(await setting(transaction, 'statement_timeout')).toBe('10min')
  })
  expect(cutOffBy(await failure(sleep(db, 60)))).toBe('statement')
  for (const [statementTimeoutMs, kept] of [
    [0, '0'],
    [1_800_000, '30min'],
  ] as const) {
    const other = open(limitsOf(statementTimeoutMs))
    await other.transaction().execute(async (transaction) => {
      await allowLongStatements(transaction)
      expect(await setting(transaction, 'statement_timeout')).toBe(kept)
    })
  }
})

test('a lock is told as a lock: its limit is below the statement’s', () => {
  expect([0, 1000, 30_000].map((ms) => limitsOf(ms).lockTimeoutMs)).toEqual([10_000, 500, 10_000])
})

test('migrations and other long work are not cut off, whatever role and database say', async () => {
  const { connectionString, drop } = await createTestDatabase()
  await withClient(connectionString, async (client) => {
    const { rows } = await client.query<{ name: string }>('SELECT quote_ident(current_database()) AS name')
    for (const limit of ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'])
      await client.query(`ALTER DATABASE ${rows[0]?.name} SET ${limit} = '1ms'`)
  })
  const pool = openPool({ connectionString, max: 1 }, () => {})
  expect(cutOffBy(await failure(pool.pool.query('SELECT pg_sleep(1)')))).toBe('statement')
  await pool.close()
  await migrate(connectionString)
  const client = await openClient({ connectionString })
  await client.query('BEGIN')
  await client.query('SELECT pg_sleep(0.1)')
  await client.query('COMMIT')
  await client.end()
  await drop()
})

test('a pool that cannot set its limits gives nobody a connection without them', async () => {
  const { pool, close } = openPool({ ...database, max: 1, settings: { no_such_setting: 1 } }, () => {})
  onTestFinished(close)
  expect(String(await failure(pool.query('SELECT 1')))).toContain('no_such_setting')
  expect(pool.totalCount).toBe(0)
})

test('no limits are none', async () => {
  const db = open(noLimits)
  for (const name of ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'])
    expect(await setting(db, name)).toBe('0')
})
