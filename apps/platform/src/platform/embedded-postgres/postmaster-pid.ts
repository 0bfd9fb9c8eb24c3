import { readFile, readlink, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf, unlessMissing } from './embedded-postgres-error.ts'
import { isAlive } from './folder-lock.ts'

/** What `postmaster.pid` says of the server that wrote it; `port` is undefined until the server has chosen it. */
export type PostmasterPid = {
  pid: number
  dataFolder: string
  port: number | undefined
  socketFolder: string
  listenAddress: string
  status: string
}

/**
 * Whose process a pid is: this folder's server, somebody else's (the number was given out again), nobody's, or
 * alive and not to be told from here (only Linux shows it).
 */
export type PidIdentity = 'ours' | 'foreign' | 'dead' | 'unknown'

/** Reads the lines of PostgreSQL's `postmaster.pid` (src/include/utils/pidfile.h); undefined while half written. */
export function parsePostmasterPid(text: string): PostmasterPid | undefined {
  const [pid, dataFolder, , port, socketFolder, listenAddress, , status] = text.split(/\r?\n/)
  const pidNumber = Math.abs(Number.parseInt(pid ?? '', 10))
  if (!pidNumber || !dataFolder) return undefined
  return {
    pid: pidNumber,
    dataFolder,
    port: Number.parseInt(port ?? '', 10) || undefined,
    socketFolder: socketFolder ?? '',
    listenAddress: listenAddress ?? '',
    status: (status ?? '').trim(),
  }
}

export async function readPostmasterPid(pgData: string): Promise<PostmasterPid | undefined> {
  const text = await unlessMissing(readFile(join(pgData, 'postmaster.pid'), 'utf8'))
  return text === undefined ? undefined : parsePostmasterPid(text)
}

/** Tells whether process `pid` is the server of `pgData`. */
export async function identifyPid(pid: number, pgData: string): Promise<PidIdentity> {
  if (!isAlive(pid)) return 'dead'
  if (process.platform !== 'linux') return 'unknown'
  const folder = await realpath(pgData)
  // A postmaster's working folder is its data folder. ENOENT: it has just ended, or is a zombie that nobody reaps.
  const working = await readlink(`/proc/${pid}/cwd`).catch(systemCodeOf)
  if (working === folder) return 'ours'
  if (working !== 'EACCES' && working !== 'EPERM') return 'foreign'
  // Root in a container lacks CAP_SYS_PTRACE, which another user's `cwd` asks for; the command line asks for nothing.
  const commandLine = await unlessMissing(readFile(`/proc/${pid}/cmdline`, 'utf8'))
  if (!commandLine) return 'unknown'
  return commandLine.split('\0').includes(folder) ? 'ours' : 'foreign'
}
