import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readPostmasterPid } from '../../src/platform/embedded-postgres/postmaster-pid.ts'
import { eventually, isRunning, queryOne } from './postgres-folder.ts'
import { cloneDatabase, databaseNamed } from './test-database.ts'
import { startTestServer, type TestServer } from './test-server.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({})
})
afterAll(() => server.stop())

const migrations = (connectionString: string) =>
  queryOne(connectionString, 'SELECT count(*)::int FROM schema_migration')

describe('a test’s database', () => {
  test('is migrated, its own, and gone when dropped, even under open connections', async () => {
    const [one, two] = await Promise.all([cloneDatabase(server), cloneDatabase(server)])
    expect(await migrations(one.connectionString)).toBeGreaterThan(0)
    await queryOne(one.connectionString, 'CREATE TABLE mine AS SELECT 1')
    await expect(queryOne(two.connectionString, 'SELECT * FROM mine')).rejects.toMatchObject({ code: '42P01' })
    const client = new Client({ connectionString: one.connectionString })
    client.on('error', () => {})
    await client.connect()
    await Promise.all([one.drop(), two.drop()])
    await one.drop()
    await expect(queryOne(one.connectionString, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' })
  })

  test('can be had by many at the same time', async () => {
    const clones = await Promise.all(Array.from({ length: 8 }, () => cloneDatabase(server)))
    expect(new Set(clones.map(({ connectionString }) => connectionString)).size).toBe(8)
    await Promise.all(clones.map(({ drop }) => drop()))
  })

  test('has a template that nobody can connect to, and so keep from being cloned', async () => {
    const url = databaseNamed(server.adminUrl, server.template)
    await expect(queryOne(url, 'SELECT 1')).rejects.toMatchObject({ code: '55000' })
  })
})

test('on a given server a run leaves nothing behind, and other runs alone', async () => {
  const databases = () => queryOne(server.adminUrl, `SELECT array_agg(datname::text ORDER BY datname) FROM pg_database`)
  const kept = await cloneDatabase(server)
  const before = await databases()
  const run = await startTestServer({ databaseUrl: server.adminUrl })
  const clone = await cloneDatabase(run)
  expect(await migrations(clone.connectionString)).toBeGreaterThan(0)
  await run.stop()
  expect(await databases()).toEqual(before)
  await kept.drop()
})

test('a run that is killed leaves neither server nor folder', async () => {
  const module = new URL('./test-server.ts', import.meta.url).href
  const script = `const { startTestServer } = await import(${JSON.stringify(module)})
    const { adminUrl } = await startTestServer({})
    process.stdout.write(adminUrl)
    setInterval(() => {}, 60_000)`
  const run = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [adminUrl] = await once(run.stdout, 'data')
  const pgData = String(await queryOne(String(adminUrl), 'SHOW data_directory'))
  const { pid = 0 } = (await readPostmasterPid(pgData)) ?? {}
  expect(await isRunning(pid)).toBe(true)
  run.kill('SIGKILL')
  await eventually('the folder is gone', async () =>
    access(pgData).then(
      () => undefined,
      () => true,
    ),
  )
  // PostgreSQL itself would miss its folder after a minute.
  await eventually('the server is gone', async () => ((await isRunning(pid)) ? undefined : true))
})
