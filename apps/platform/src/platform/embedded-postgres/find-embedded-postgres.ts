import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { locatePackage } from './binaries.ts'
import { readPassword } from './create-cluster.ts'
import { unlessMissing } from './embedded-postgres-error.ts'
import { findRunningServer } from './find-running-server.ts'
import type { Log } from './log.ts'
import { serverFolders } from './prepare-folder.ts'
import { connectionStringOf } from './server-address.ts'

/**
 * Gives the connection string of the server that a running platform keeps for `dataFolder`, or undefined when none
 * runs. For commands beside a running platform (backup, export); it takes no lock and starts nothing.
 */
export async function findEmbeddedPostgres(options: {
  dataFolder: string
  log: Log
  timeoutMs?: number
  signal?: AbortSignal
}): Promise<string | undefined> {
  const { major } = await locatePackage()
  const folders = await unlessMissing(serverFolders(options.dataFolder, major))
  if (!folders || !(await unlessMissing(access(join(folders.pgData, 'PG_VERSION')).then(() => true)))) return undefined
  const password = await readPassword(folders.pgData)
  const { log, signal, timeoutMs = 30_000 } = options
  const found = await findRunningServer({ pgData: folders.pgData, password, timeoutMs, log, signal })
  return found.kind === 'running' ? connectionStringOf(found.address, password) : undefined
}
