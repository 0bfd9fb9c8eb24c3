import { chown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { locatePackage, prepareBinaries } from '../../src/platform/embedded-postgres/binaries.ts'
import { createCluster } from '../../src/platform/embedded-postgres/create-cluster.ts'
import { readPostmasterPid } from '../../src/platform/embedded-postgres/postmaster-pid.ts'
import { chooseAddress } from '../../src/platform/embedded-postgres/server-address.ts'
import { addressSettings, defaultSettings, writeConf } from '../../src/platform/embedded-postgres/server-conf.ts'
import { createServerLog } from '../../src/platform/embedded-postgres/server-log.ts'
import { launchThroughPgCtl } from '../../src/platform/embedded-postgres/server-process.ts'
import { findServiceUser, isRoot } from '../../src/platform/embedded-postgres/service-user.ts'
import {
  clusterState,
  eventually,
  inProduction,
  isRunning,
  pgDataIn,
  postgresFolders,
  shutDown,
} from './postgres-folder.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
const folders = postgresFolders()

/** A database whose whole folder is its user's, as on Windows: there `pg_ctl` opens the log, not we. */
async function database() {
  const folder = await folders.bare()
  const pgData = pgDataIn(folder)
  const user = await findServiceUser({ pgData })
  await mkdir(join(folder, 'pg'))
  if (user) for (const path of [folder, join(folder, 'pg')]) await chown(path, user.uid, user.gid)
  const copyFolder = join(folder, 'bin')
  const binaries = await prepareBinaries({ package: await locatePackage(), copyFolder, mustCopy: isRoot() })
  await createCluster({ binaries, pgData, user, isDurable: false })
  const address = addressSettings(await chooseAddress(pgData))
  const configure = (settings: Record<string, string>) =>
    writeConf(pgData, { ...defaultSettings(process.platform), ...address, ...settings }, user)
  await configure({})
  return {
    configure,
    launch: { binaries, pgData, serverLog: createServerLog(join(folder, 'server.log')), user, timeoutMs: 20_000 },
  }
}

describe.skipIf(process.platform === 'win32')('a server started through pg_ctl, as on Windows', () => {
  test('is watched and stopped through it', async () => {
    const { launch } = await database()
    const server = await launchThroughPgCtl(launch)
    expect(await readPostmasterPid(launch.pgData)).toMatchObject({ pid: server.pid, status: 'ready' })
    expect(await clusterState(launch.pgData)).toBe(inProduction)
    await server.shutDown('fast')
    await server.gone
    expect(await clusterState(launch.pgData)).toBe(shutDown)
  })

  test('has ended at once where it cannot start, with the words of pg_ctl and of the log', async () => {
    const { configure, launch } = await database()
    await configure({ shared_buffers: 'plenty' })
    const server = await launchThroughPgCtl(launch)
    expect(await server.gone).toContain('could not start server')
    expect(await launch.serverLog.tail()).toContain('invalid value for parameter "shared_buffers"')
  })

  test('ends with a start that is cancelled', async () => {
    const { launch } = await database()
    const controller = new AbortController()
    const start = launchThroughPgCtl({ ...launch, signal: controller.signal })
    const cancelled = expect(start).rejects.toThrow('enough')
    const { pid } = await eventually('the server runs', () => readPostmasterPid(launch.pgData))
    controller.abort(new Error('enough'))
    await cancelled
    expect(await isRunning(pid)).toBe(false)
  })
})
