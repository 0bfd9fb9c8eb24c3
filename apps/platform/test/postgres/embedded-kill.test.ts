import { spawn } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { readPassword } from '../../src/platform/embedded-postgres/create-cluster.ts'
import { findRunningServer } from '../../src/platform/embedded-postgres/find-running-server.ts'
import { readPostmasterPid } from '../../src/platform/embedded-postgres/postmaster-pid.ts'
import { running, spawnPlatform } from './platform-process.ts'
import {
  clusterState,
  eventually,
  inProduction,
  isRunning,
  pgDataIn,
  postgresFolders,
  queryOne,
  quiet,
  shutDown,
  startIn,
} from './postgres-folder.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
const folders = postgresFolders()

/** A platform that was killed after it had committed a row, and the server that outlives it. */
async function orphan() {
  const folder = await folders.initialized()
  const platform = spawnPlatform(folder)
  const { connectionString, pid } = await running(platform)
  await queryOne(connectionString, 'CREATE TABLE camera AS SELECT 7 AS number')
  await platform.end('SIGKILL')
  expect(await isRunning(pid)).toBe(true)
  return { folder, connectionString, pid }
}

const cameraIn = (connectionString: string) => queryOne(connectionString, 'SELECT number FROM camera')

describe('a killed platform', () => {
  test('leaves a server that the next start takes over, with its data, and stops cleanly', async () => {
    const { folder, pid } = await orphan()
    const server = await startIn(folder)
    expect(server).toMatchObject({ adopted: true, pid })
    expect(await cameraIn(server.connectionString)).toBe(7)
    await server.stop()
    expect(await isRunning(pid)).toBe(false)
    expect(await clusterState(pgDataIn(folder))).toBe(shutDown)
  })

  test('may be followed by another that is killed, and a third that takes over', async () => {
    const { folder, pid } = await orphan()
    const second = spawnPlatform(folder)
    expect(await running(second)).toMatchObject({ adopted: true, pid })
    await second.end('SIGKILL')
    expect(await startIn(folder)).toMatchObject({ adopted: true, pid })
  })

  test('learns of the end of a server that it took over', async () => {
    const { folder, pid } = await orphan()
    const server = await startIn(folder)
    const reason = new Promise((resolve) => server.onUnexpectedExit(resolve))
    process.kill(pid, 'SIGQUIT')
    expect(await reason).toContain(`PostgreSQL (pid ${pid}) ended by itself`)
    await server.stop()
    expect((await startIn(folder)).adopted).toBe(false)
  })

  test('whose server is shutting down is followed by a start that waits for its end', async () => {
    const { folder, connectionString, pid } = await orphan()
    const client = new Client({ connectionString })
    await client.connect()
    // A smart shutdown lasts until the last client has gone.
    process.kill(pid, 'SIGTERM')
    await eventually('the server says that it stops', async () =>
      (await readPostmasterPid(pgDataIn(folder)))?.status === 'stopping' ? true : undefined,
    )
    const start = startIn(folder)
    await client.end()
    const server = await start
    expect(server.adopted).toBe(false)
    expect(server.pid).not.toBe(pid)
    expect(await cameraIn(server.connectionString)).toBe(7)
  })
})

describe('where the system does not show whose a process is', () => {
  const unknown = { identify: async () => 'unknown' as const, doubtMs: 300, timeoutMs: 20_000, log: quiet }

  test('a running server shows by its answer', async () => {
    const { folder, pid } = await orphan()
    const pgData = pgDataIn(folder)
    const found = await findRunningServer({ ...unknown, pgData, password: await readPassword(pgData) })
    expect(found).toMatchObject({ kind: 'running', pid })
  })

  test('a server that refuses connections for now is waited for, longer than one that is silent', async () => {
    const { folder, connectionString, pid } = await orphan()
    const pgData = pgDataIn(folder)
    const client = new Client({ connectionString })
    await client.connect()
    process.kill(pid, 'SIGTERM')
    let isFound = false
    const find = findRunningServer({ ...unknown, pgData, password: await readPassword(pgData) }).then((found) => {
      isFound = true
      return found
    })
    await client.query('SELECT pg_sleep(1)')
    expect(isFound).toBe(false)
    await client.end()
    expect(await find).toEqual({ kind: 'none' })
  })

  test('a process that stays silent is taken for another program, and so is another folder’s server', async () => {
    const [one, other] = [await orphan(), await orphan()]
    const pgData = pgDataIn(one.folder)
    const pidFile = join(pgData, 'postmaster.pid')
    const find = async (password: string) => findRunningServer({ ...unknown, pgData, password })
    await writeFile(pidFile, await readFile(join(pgDataIn(other.folder), 'postmaster.pid'), 'utf8'))
    // The same password, since both come of one seed: only the data folder tells.
    expect(await find(await readPassword(pgData))).toEqual({ kind: 'none' })
    expect(await find('another')).toEqual({ kind: 'none' })
    await writeFile(pidFile, `${process.pid}\n${pgData}\n1\n1\n\n127.0.0.1\n\nready\n`)
    expect(await find(await readPassword(pgData))).toEqual({ kind: 'none' })
    process.kill(one.pid, 'SIGQUIT')
  })

  test('a server of ours that refuses our password ends the search with the way out', async () => {
    const { folder } = await orphan()
    const search = findRunningServer({
      ...unknown,
      identify: async () => 'ours',
      pgData: pgDataIn(folder),
      password: 'x',
    })
    await expect(search).rejects.toMatchObject({ code: 'password-refused' })
  })
})

describe('a killed server', () => {
  test('is reported with its last words, and the next start recovers what was committed', async () => {
    const folder = await folders.initialized()
    const first = await startIn(folder, { settings: { fsync: 'on' } })
    await queryOne(first.connectionString, 'CREATE TABLE camera AS SELECT 7 AS number')
    const reason = new Promise<string>((resolve) => first.onUnexpectedExit(resolve))
    process.kill(first.pid, 'SIGKILL')
    expect(await reason).toMatch(/ended by itself: signal SIGKILL.*ready to accept connections/)
    expect(await new Promise((resolve) => first.onUnexpectedExit(resolve))).toBe(await reason)
    await first.stop()
    expect(await clusterState(pgDataIn(folder))).toBe(inProduction)
    const second = await startIn(folder)
    expect(second.adopted).toBe(false)
    expect(await cameraIn(second.connectionString)).toBe(7)
  })

  test('and its platform together leave a stale postmaster.pid, which is PostgreSQL’s to replace', async () => {
    const { folder, pid } = await orphan()
    process.kill(pid, 'SIGKILL')
    await eventually('the server has ended', async () => ((await isRunning(pid)) ? undefined : true))
    expect((await readPostmasterPid(pgDataIn(folder)))?.pid).toBe(pid)
    const server = await startIn(folder)
    expect(server.adopted).toBe(false)
    expect(await cameraIn(server.connectionString)).toBe(7)
  })

  test('whose backend still computes makes the next start wait for it', async () => {
    const folder = await folders.initialized()
    const first = await startIn(folder)
    const client = new Client({ connectionString: first.connectionString })
    client.on('error', () => {})
    await client.connect()
    // Looks neither at signals nor at its postmaster for some seconds.
    const busy = client.query(`SELECT regexp_count(repeat('a', 26), '^(a?){26}(a){26}$')`).catch(() => {})
    const backend = await eventually('the backend computes', () => busyBackend(first.connectionString))
    process.kill(backend, 'SIGSTOP')
    process.kill(first.pid, 'SIGKILL')
    await first.stop()
    const start = startIn(folder)
    await eventually('the start has met the shared memory of the old server', async () =>
      /pre-existing shared memory block/.test(await readFile(join(folder, 'pg', 'postgres.log'), 'utf8'))
        ? true
        : undefined,
    )
    process.kill(backend, 'SIGKILL')
    await busy
    expect((await start).adopted).toBe(false)
  })

  test.runIf(process.platform === 'linux')(
    'whose pid was given out again, to a process of the same user, keeps nobody from starting',
    async () => {
      const { folder, pid } = await orphan()
      process.kill(pid, 'SIGKILL')
      await eventually('the server has ended', async () => ((await isRunning(pid)) ? undefined : true))
      const { uid, gid } = await stat(pgDataIn(folder))
      const stranger = spawn('sleep', ['60'], { uid, gid })
      onTestFinished(() => void stranger.kill())
      for (const name of ['postmaster.pid', '.s.PGSQL.5432.lock']) {
        const path = join(pgDataIn(folder), name)
        await writeFile(path, (await readFile(path, 'utf8')).replace(/^\d+/, String(stranger.pid)))
      }
      const server = await startIn(folder)
      expect(server.adopted).toBe(false)
      expect(await cameraIn(server.connectionString)).toBe(7)
      expect(stranger.exitCode).toBe(null)
    },
  )
})

async function busyBackend(connectionString: string): Promise<number | undefined> {
  const pid = await queryOne(
    connectionString,
    "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT regexp_count%'",
  )
  return typeof pid === 'number' ? pid : undefined
}
