import { spawnSync } from 'node:child_process'
import { chown, cp, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { locatePackage, prepareBinaries } from '../../src/platform/embedded-postgres/binaries.ts'
import { runProgram } from '../../src/platform/embedded-postgres/run-program.ts'
import { isRoot, pickServiceUser } from '../../src/platform/embedded-postgres/service-user.ts'
import { running, spawnPlatform } from './platform-process.ts'
import { clusterState, pgDataIn, postgresFolders, queryOne, shutDown, startIn } from './postgres-folder.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
const folders = postgresFolders()

/** The kernel's overflow user, whom every machine has without naming it. */
const nobody = { name: 'nobody', uid: 65_534, gid: 65_534 }
const script = join(import.meta.dirname, 'keep-running.ts')

function skipped(reason: string): boolean {
  process.stderr.write(`Skipped in ${import.meta.filename}: ${reason}\n`)
  return true
}

const isNotRoot = !isRoot() && skipped('what root does, because these tests run as an ordinary user.')
/** Root's checkout may lie where nobody else can read it; then an unprivileged node has nothing to run. */
const isOutOfReach =
  isNotRoot ||
  (spawnSync(process.execPath, ['-e', `require('fs').accessSync(${JSON.stringify(script)})`], nobody).status !== 0 &&
    skipped('a start by an ordinary user, who may not enter this checkout.'))

async function ownerOf(pid: number): Promise<number> {
  return (await stat(`/proc/${pid}`)).uid
}

describe.skipIf(isNotRoot)('started by root', () => {
  test('runs as an unprivileged user, from a copy that this user cannot change', async () => {
    const folder = await folders.bare()
    const server = await startIn(folder)
    const owner = await ownerOf(server.pid)
    expect(owner).toBe(pickServiceUser(await readFile('/etc/passwd', 'utf8'))?.uid)
    expect(owner).not.toBe(0)
    const program = await readlink(`/proc/${server.pid}/exe`)
    expect(program.startsWith(join(folder, 'pg', 'bin'))).toBe(true)
    expect(await stat(program)).toMatchObject({ uid: 0, mode: 0o100755 })
    expect((await stat(pgDataIn(folder))).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'pg', 'ocelli.lock'))).mode & 0o777).toBe(0o600)
  })

  test('runs as the user named, and says so where there is none of that name', async () => {
    const folder = await folders.empty()
    const server = await startIn(folder, { user: 'nobody' })
    expect(await ownerOf(server.pid)).toBe(nobody.uid)
    await expect(startIn(await folders.empty(), { user: 'who' })).rejects.toMatchObject({
      code: 'postgres-unavailable',
      message: expect.stringContaining('no unprivileged user who'),
    })
  })

  test('works from a checkout that nobody else can enter, as under /root', async () => {
    const checkout = await mkdtemp(join(tmpdir(), 'ocelli-closed-'))
    onTestFinished(() => rm(checkout, { recursive: true }))
    expect((await stat(checkout)).mode & 0o777).toBe(0o700)
    const real = await locatePackage()
    await cp(real.folder, join(checkout, 'package'), { recursive: true, verbatimSymlinks: true })
    // As npm leaves it under root's stricter umask.
    spawnSync('chmod', ['-R', 'go-rwx', checkout])
    const closed = { ...real, folder: join(checkout, 'package') }
    const run = (program: string) => runProgram(program, ['--version'], { user: nobody })
    await expect(run(join(closed.folder, 'native', 'bin', 'postgres'))).rejects.toThrow(/may not enter/)
    const copyFolder = join(await folders.empty(), 'copies')
    const binaries = await prepareBinaries({ package: closed, copyFolder, mustCopy: true })
    expect(await run(binaries.postgres)).toMatchObject({
      exitCode: 0,
      output: expect.stringContaining('PostgreSQL) 18'),
    })
  })

  test('names the folder that keeps the unprivileged user out', async () => {
    const closed = await mkdtemp(join(tmpdir(), 'ocelli-closed-'))
    onTestFinished(() => rm(closed, { recursive: true }))
    const folder = join(closed, 'data')
    await mkdir(folder)
    await expect(startIn(folder)).rejects.toMatchObject({
      code: 'folder-closed',
      message: expect.stringMatching(new RegExp(`may not enter ${closed}\\..*OCELLI_HOME.*/var/lib/ocelli`)),
    })
  })

  test('takes up data restored by root, whose owner and modes a plain copy has lost', async () => {
    const folder = await folders.initialized()
    const first = await startIn(folder)
    await queryOne(first.connectionString, 'CREATE TABLE camera AS SELECT 7 AS number')
    await first.stop()
    const restored = await folders.empty()
    spawnSync('sh', [
      '-c',
      `umask 022 && cp -r ${pgDataIn(folder)} ${pgDataIn(restored)} && chmod 755 ${pgDataIn(restored)}`,
    ])
    expect((await stat(pgDataIn(restored))).uid).toBe(0)
    const server = await startIn(restored)
    expect(await queryOne(server.connectionString, 'SELECT number FROM camera')).toBe(7)
  })

  test('leaves data that an ordinary user made in that user’s hands', async () => {
    const folder = await folders.initialized()
    const data = pgDataIn(folder)
    for (const path of [data, ...(await readdir(data, { recursive: true })).map((name) => join(data, name))]) {
      await chown(path, nobody.uid, nobody.gid)
    }
    expect(await ownerOf((await startIn(folder)).pid)).toBe(nobody.uid)
  })
})

describe('started by an ordinary user', () => {
  test.skipIf(isOutOfReach)('runs as this user, from the installed package itself', async () => {
    const folder = await folders.bare()
    await chown(folder, nobody.uid, nobody.gid)
    const platform = spawnPlatform(folder, { uid: nobody.uid, gid: nobody.gid })
    const { pid, connectionString } = await running(platform)
    expect(await ownerOf(pid)).toBe(nobody.uid)
    expect(await readlink(`/proc/${pid}/exe`)).toBe(join((await locatePackage()).folder, 'native', 'bin', 'postgres'))
    expect(await queryOne(connectionString, 'SELECT 1')).toBe(1)
    expect(await readdir(join(folder, 'pg'))).not.toContain('bin')
    await platform.end('SIGKILL')
    const second = spawnPlatform(folder, { uid: nobody.uid, gid: nobody.gid })
    expect(await running(second)).toMatchObject({ adopted: true, pid })
    await second.end('SIGTERM')
    expect(await clusterState(pgDataIn(folder))).toBe(shutDown)
  })

  test.skipIf(isOutOfReach)('says that the folder is not writable', async () => {
    const platform = spawnPlatform(await folders.bare(), { uid: nobody.uid, gid: nobody.gid })
    expect(await platform.said).toMatchObject({
      code: 'folder-unusable',
      message: expect.stringContaining('permission denied'),
    })
  })

  test.skipIf(isOutOfReach)('says which file of root’s, from another start, is in the way', async () => {
    const folder = await folders.bare()
    await mkdir(join(folder, 'pg'))
    await writeFile(join(folder, 'pg', 'postgres.log'), '', { mode: 0o600 })
    for (const path of [folder, join(folder, 'pg')]) await chown(path, nobody.uid, nobody.gid)
    const platform = spawnPlatform(folder, { uid: nobody.uid, gid: nobody.gid })
    expect(await platform.said).toMatchObject({
      code: 'folder-unusable',
      message: expect.stringMatching(/postgres\.log.*must belong to the user who starts Ocelli/),
    })
  })
})

test.skipIf(process.platform === 'win32')(
  'without its install script the package still runs, from a copy with its links',
  async () => {
    const checkout = await folders.bare()
    const real = await locatePackage()
    const packageFolder = join(checkout, 'package')
    const withoutLinks = { recursive: true, filter: async (path: string) => !(await isLink(path)) }
    await cp(real.folder, packageFolder, withoutLinks)
    const options = { package: { ...real, folder: packageFolder }, copyFolder: join(checkout, 'bin'), mustCopy: false }
    const inPlace = await runProgram(join(packageFolder, 'native', 'bin', 'postgres'), ['--version'])
    expect(inPlace.exitCode).not.toBe(0)
    const binaries = await prepareBinaries(options)
    expect(binaries.folder.startsWith(options.copyFolder)).toBe(true)
    expect(await runProgram(binaries.postgres, ['--version'])).toMatchObject({ exitCode: 0 })
    const first = await stat(binaries.postgres)
    await prepareBinaries(options)
    expect((await stat(binaries.postgres)).ino).toBe(first.ino)
  },
)

async function isLink(path: string): Promise<boolean> {
  return readlink(path).then(
    () => true,
    () => false,
  )
}
