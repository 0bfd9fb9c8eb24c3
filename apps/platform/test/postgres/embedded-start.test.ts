import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { locatePackage } from '../../src/platform/embedded-postgres/binaries.ts'
import { findEmbeddedPostgres } from '../../src/platform/embedded-postgres/find-embedded-postgres.ts'
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
import { databaseNamed, withClient } from './test-database.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
const folders = postgresFolders()

describe('a first start', () => {
  test('makes a database in UTF-8 compared by bytes, with checksums, for logins by password', async () => {
    const folder = await folders.empty()
    const server = await startIn(folder)
    expect(server).toMatchObject({ adopted: false, major: 18 })
    await withClient(server.connectionString, async (client) => {
      const { rows } = await client.query(
        `SELECT datname, pg_encoding_to_char(encoding) AS encoding, datlocprovider::text AS provider, datlocale,
                current_setting('data_checksums') AS checksums, current_user::text AS role
         FROM pg_database WHERE datname = current_database()`,
      )
      expect(rows).toEqual([
        { datname: 'ocelli', encoding: 'UTF8', provider: 'b', datlocale: 'C.UTF-8', checksums: 'on', role: 'ocelli' },
      ])
    })
    const wrong = new URL(server.connectionString)
    wrong.password = 'wrong'
    await expect(queryOne(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
    expect((await stat(join(pgDataIn(folder), 'ocelli.password'))).mode & 0o777).toBe(0o600)
    expect(
      await queryOne(
        server.connectionString,
        'SELECT count(*)::int FROM pg_hba_file_rules WHERE auth_method <> $$scram-sha-256$$',
      ),
    ).toBe(0)
  })

  test('that is cancelled leaves no process and nothing that keeps the next from starting', async () => {
    const folder = await folders.empty()
    const controller = new AbortController()
    const start = startIn(folder, { signal: controller.signal })
    const cancelled = expect(start).rejects.toMatchObject({ code: 'cancelled' })
    await eventually('initdb is at work', () => unfinishedFiles(folder))
    controller.abort()
    await cancelled
    expect(await readdir(join(folder, 'pg'))).not.toContain('18')
    await startIn(folder)
  })

  test('killed in the middle of initdb is taken up by the next', async () => {
    const folder = await folders.empty()
    const platform = spawnPlatform(folder)
    const ended = platform.said.catch((error: unknown) => String(error))
    await eventually('initdb is at work', () => unfinishedFiles(folder))
    await platform.end('SIGKILL')
    expect(await ended).toMatch('without a word')
    const server = await startIn(folder)
    expect(await queryOne(server.connectionString, 'SELECT 1')).toBe(1)
    const left = (await readdir(join(folder, 'pg'))).filter((name) => name.includes('unfinished'))
    expect(left).toEqual([])
  })
})

describe('a stop', () => {
  test('leaves the data cleanly shut down, no process, and the next start finds them', async () => {
    const folder = await folders.initialized()
    const first = await startIn(folder)
    await queryOne(first.connectionString, 'CREATE TABLE camera AS SELECT 7 AS number')
    expect(await clusterState(pgDataIn(folder))).toBe(inProduction)
    await Promise.all([first.stop(), first.stop()])
    expect(await clusterState(pgDataIn(folder))).toBe(shutDown)
    expect(await isRunning(first.pid)).toBe(false)
    const second = await startIn(folder)
    expect(second.adopted).toBe(false)
    expect(await queryOne(second.connectionString, 'SELECT number FROM camera')).toBe(7)
  })

  test('that a stuck server does not follow becomes an immediate one', async () => {
    const folder = await folders.initialized()
    const server = await startIn(folder, { stopTimeoutMs: 100 })
    // A stopped backend follows neither a signal nor its postmaster, until the postmaster kills it after 5 s.
    await withClient(server.connectionString, async (client) => {
      client.on('error', () => {})
      const backend = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      process.kill(backend.rows[0]?.pid ?? 0, 'SIGSTOP')
      await server.stop()
    })
    expect(await clusterState(pgDataIn(folder))).toBe(inProduction)
    expect(await isRunning(server.pid)).toBe(false)
  })
})

describe('one folder', () => {
  test('is refused to a second start, with the pid of the first', async () => {
    const folder = await folders.initialized()
    await startIn(folder)
    const refused = { code: 'already-running', message: expect.stringContaining(`(pid ${process.pid})`) }
    await expect(startIn(folder)).rejects.toMatchObject(refused)
    const other = spawnPlatform(folder)
    expect(await other.said).toMatchObject({ kind: 'failed', ...refused })
  })

  test('goes to exactly one of two processes that start at the same time', async () => {
    const folder = await folders.empty()
    const platforms = [spawnPlatform(folder), spawnPlatform(folder)]
    const said = await Promise.all(platforms.map((platform) => platform.said))
    expect(said.map(({ kind }) => kind).sort()).toEqual(['failed', 'running'])
    const winner = platforms[said.findIndex(({ kind }) => kind === 'running')]
    const message = expect.stringContaining(`(pid ${winner?.child.pid})`)
    expect(said.find(({ kind }) => kind === 'failed')).toMatchObject({ code: 'already-running', message })
    await winner?.end('SIGTERM')
    expect(await clusterState(pgDataIn(folder))).toBe(shutDown)
  })

  test('shows its running server to a command beside the platform, and none after the stop', async () => {
    const folder = await folders.initialized()
    const find = () => findEmbeddedPostgres({ dataFolder: folder, log: quiet })
    expect(await findEmbeddedPostgres({ dataFolder: join(folder, 'none'), log: quiet })).toBeUndefined()
    expect(await find()).toBeUndefined()
    const server = await startIn(folder)
    expect(await findEmbeddedPostgres({ dataFolder: folder, log: quiet })).toBe(server.connectionString)
    await server.stop()
    expect(await findEmbeddedPostgres({ dataFolder: folder, log: quiet })).toBeUndefined()
  })
})

describe("another version's data", () => {
  async function folderOfVersion17(): Promise<string> {
    const folder = await folders.empty()
    await mkdir(join(folder, 'pg', '17'), { recursive: true })
    await writeFile(join(folder, 'pg', '17', 'PG_VERSION'), '17\n')
    return folder
  }

  test('are refused, with the commands that bring them over', async () => {
    const folder = await folderOfVersion17()
    await expect(startIn(folder)).rejects.toMatchObject({
      code: 'other-major',
      message: expect.stringMatching(/PostgreSQL 17.*PostgreSQL 18.*ocelli-platform export.*ocelli-platform import/),
    })
    expect(await readdir(join(folder, 'pg'))).not.toContain('18')
  })

  test('lie beside the new database that the import asks for, and bother nobody afterwards', async () => {
    const folder = await folderOfVersion17()
    const forImport = await startIn(folder, { otherMajor: 'ignore' })
    await forImport.stop()
    await startIn(folder)
  })

  test('under our version’s name are refused too', async () => {
    const folder = await folders.empty()
    await mkdir(pgDataIn(folder), { recursive: true })
    await writeFile(join(pgDataIn(folder), 'PG_VERSION'), '17\n')
    await expect(startIn(folder)).rejects.toMatchObject({ code: 'other-major' })
  })

  test('are not mistaken for: a folder full of other things is refused, an empty one used', async () => {
    const folder = await folders.empty()
    await mkdir(pgDataIn(folder), { recursive: true })
    await writeFile(join(pgDataIn(folder), 'notes.txt'), '')
    await expect(startIn(folder)).rejects.toMatchObject({ code: 'folder-unusable' })
    const empty = await folders.empty()
    await mkdir(pgDataIn(empty), { recursive: true })
    await startIn(empty)
  })
})

describe('the server', () => {
  test('outlives a Ctrl-C at the terminal, which is ours to handle', async () => {
    const folder = await folders.initialized()
    const platform = spawnPlatform(folder, { detached: true })
    const { connectionString, pid } = await running(platform)
    // A shutdown, or a Ctrl-C of its own, would end the statement.
    const statement = queryOne(connectionString, 'SELECT true FROM pg_sleep(0.5)')
    await eventually('the statement runs', async () => {
      const sql = "SELECT count(*)::int FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
      return (await queryOne(connectionString, sql)) === 1 ? true : undefined
    })
    process.kill(-(platform.child.pid ?? 0), 'SIGINT')
    expect(await statement).toBe(true)
    await platform.end('SIGTERM')
    expect(platform.child.exitCode).toBe(0)
    expect(await readFile(join(folder, 'pg', 'postgres.log'), 'utf8')).toContain('database system is shut down')
    await expect(queryOne(connectionString, 'SELECT 1')).rejects.toThrow()
    expect(await isRunning(pid)).toBe(false)
  })

  test.runIf(process.platform === 'linux')(
    'lives in a process group of its own and sees none of our secrets',
    async () => {
      vi.stubEnv('OCELLI_MASTER_KEY', 'secret-of-the-platform')
      const server = await startIn(await folders.initialized())
      const environment = await readFile(`/proc/${server.pid}/environ`, 'utf8')
      expect(environment).toContain('LC_ALL=C')
      expect(environment).not.toContain('secret-of-the-platform')
      // Fields after the name: state, parent, process group.
      const [, , group] = (await readFile(`/proc/${server.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
      expect(Number(group)).toBe(server.pid)
    },
  )

  test('obeys the settings given, and those of ALTER SYSTEM over them', async () => {
    const folder = await folders.initialized()
    const settings = { work_mem: '3MB', 'ocelli.note': "it's a \\ back" }
    const first = await startIn(folder, { settings })
    const show = (url: string, name: string) => queryOne(url, `SHOW ${name}`)
    expect(await show(first.connectionString, 'work_mem')).toBe('3MB')
    expect(await show(first.connectionString, 'ocelli.note')).toBe(settings['ocelli.note'])
    expect(await show(first.connectionString, 'jit')).toBe('off')
    await queryOne(first.connectionString, "ALTER SYSTEM SET work_mem = '5MB'")
    await first.stop()
    const second = await startIn(folder, { settings })
    expect(await show(second.connectionString, 'work_mem')).toBe('5MB')
  })

  test('listens on loopback where the folder’s path is too long for a socket', async () => {
    const folder = join(await folders.empty(), 'a'.repeat(100))
    const server = await startIn(folder)
    expect(new URL(server.connectionString).hostname).toBe('127.0.0.1')
    expect(await queryOne(server.connectionString, 'SELECT host(inet_server_addr())')).toBe('127.0.0.1')
    expect(await findEmbeddedPostgres({ dataFolder: folder, log: quiet })).toBe(server.connectionString)
    expect(await queryOne(databaseNamed(server.connectionString, 'postgres'), 'SELECT 1')).toBe(1)
  })

  test('that cannot start says why, in its own words, and where its log lies', async () => {
    const folder = await folders.initialized()
    const start = startIn(folder, { settings: { shared_buffers: 'plenty' } })
    await expect(start).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringMatching(/invalid value for parameter "shared_buffers".*postgres\.log/),
    })
  })

  test('is not to be had for a machine that no package is made for', async () => {
    await expect(locatePackage({ platform: 'sunos', arch: 'sparc' })).rejects.toMatchObject({
      code: 'postgres-unavailable',
      message: expect.stringContaining('DATABASE_URL'),
    })
  })
})

test('a process that forgets to stop may end, and leaves the server to be taken over', async () => {
  const folder = await folders.initialized()
  const module = new URL('../../src/platform/embedded-postgres/start-embedded-postgres.ts', import.meta.url)
  const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(module.href)})
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    await startEmbeddedPostgres({ dataFolder: ${JSON.stringify(folder)}, log })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' })
  const [exitCode] = await once(child, 'exit')
  expect(exitCode).toBe(0)
  expect((await startIn(folder)).adopted).toBe(true)
})

/** The files that initdb has made so far, once its own database is among them. */
async function unfinishedFiles(folder: string): Promise<string[] | undefined> {
  const names = await readdir(join(folder, 'pg')).catch(() => [])
  const unfinished = names.find((name) => name.includes('unfinished'))
  if (unfinished === undefined) return undefined
  const base = await readdir(join(folder, 'pg', unfinished, 'data', 'base', '1')).catch(() => [])
  return base.length > 10 ? base : undefined
}
