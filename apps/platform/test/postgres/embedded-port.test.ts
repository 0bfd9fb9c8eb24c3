import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { locatePackage, prepareBinaries } from '../../src/platform/embedded-postgres/binaries.ts'
import { readPassword } from '../../src/platform/embedded-postgres/create-cluster.ts'
import { launchUntilReady } from '../../src/platform/embedded-postgres/launch-until-ready.ts'
import {
  connectionStringOf,
  findFreePort,
  type ServerAddress,
} from '../../src/platform/embedded-postgres/server-address.ts'
import { createServerLog } from '../../src/platform/embedded-postgres/server-log.ts'
import { findServiceUser, isRoot } from '../../src/platform/embedded-postgres/service-user.ts'
import { stopServer } from '../../src/platform/embedded-postgres/stop-server.ts'
import { pgDataIn, postgresFolders, queryOne, quiet } from './postgres-folder.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
const folders = postgresFolders()

/** A server on loopback whose ports are chosen by `ports`, one for each try. */
async function launchOn(ports: () => Promise<number>) {
  const folder = await folders.initialized()
  const pgData = pgDataIn(folder)
  const copyFolder = join(folder, 'pg', 'bin')
  const binaries = await prepareBinaries({ package: await locatePackage(), copyFolder, mustCopy: isRoot() })
  const launched = await launchUntilReady({
    binaries,
    pgData,
    user: await findServiceUser({ pgData }),
    password: await readPassword(pgData),
    serverLog: createServerLog(join(folder, 'pg', 'postgres.log')),
    settings: { fsync: 'off' },
    timeoutMs: 20_000,
    chooseAddress: async (): Promise<ServerAddress> => ({ kind: 'tcp', host: '127.0.0.1', port: await ports() }),
    log: quiet,
  })
  onTestFinished(() => stopServer(launched.server, { timeoutMs: 10_000, log: quiet }))
  return { ...launched, connectionString: connectionStringOf(launched.address, await readPassword(pgData), 'postgres') }
}

async function takenPort(): Promise<number> {
  const server = createServer()
  const port = await findFreePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return port
}

test('a port that somebody took in between is answered by another', async () => {
  const ports = [await takenPort(), await takenPort(), await findFreePort()]
  const last = ports[2]
  const { address, connectionString } = await launchOn(async () => ports.shift() ?? 0)
  expect(address.port).toBe(last)
  expect(await queryOne(connectionString, 'SELECT 1')).toBe(1)
})

test('ports that are all taken end the tries, with the reason', async () => {
  const port = await takenPort()
  let tries = 0
  const launch = launchOn(async () => {
    tries += 1
    return port
  })
  await expect(launch).rejects.toMatchObject({
    code: 'start-failed',
    message: expect.stringContaining('Address already in use'),
  })
  expect(tries).toBe(5)
})
