import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { PostmasterPid } from './postmaster-pid.ts'

/** Where a server listens: a Unix socket in its data folder, or a port on loopback. */
export type ServerAddress =
  | { kind: 'socket'; folder: string; port: number }
  | { kind: 'tcp'; host: string; port: number }

/** The role and the database that the embedded server is made with. */
export const ownName = 'ocelli'

const defaultPort = 5432
const loopback = '127.0.0.1'
/** sun_path holds 104 bytes on macOS and 108 on Linux, one of them the ending zero. */
const longestSocketPathBytes = 103

/**
 * Chooses a Unix socket in `pgData` where it works (measured: 35,000 to 45,000 point reads/s at concurrency 10 against
 * 26,000 to 29,000 over TCP, no port to collide, no other user can knock), else a free port on loopback: on Windows,
 * under long paths, on file systems without sockets (folders shared into a container or a virtual machine).
 */
export async function chooseAddress(pgData: string): Promise<ServerAddress> {
  if (process.platform !== 'win32' && (await holdsSockets(pgData))) {
    return { kind: 'socket', folder: pgData, port: defaultPort }
  }
  return { kind: 'tcp', host: loopback, port: await findFreePort() }
}

async function holdsSockets(folder: string): Promise<boolean> {
  if (Buffer.byteLength(socketPath(folder, defaultPort)) > longestSocketPathBytes) return false
  const path = join(folder, `.s.${randomBytes(4).toString('hex')}`)
  const server = createServer()
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(path, () => resolve(true))
  })
  if (isListening) await new Promise((resolve) => server.close(resolve))
  return isListening
}

/** A port that was free a moment ago; whoever uses it must be ready to ask again. */
export async function findFreePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, loopback, () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

/** Where the server that wrote `postmaster.pid` listens; undefined while it has not said so yet. */
export function addressOf(entry: PostmasterPid): ServerAddress | undefined {
  if (entry.port === undefined) return undefined
  if (entry.socketFolder) return { kind: 'socket', folder: entry.socketFolder, port: entry.port }
  return entry.listenAddress ? { kind: 'tcp', host: loopback, port: entry.port } : undefined
}

/** A connection string that `pg`, libpq and `new URL` read alike; a socket's folder travels as the parameter `host`. */
export function connectionStringOf(address: ServerAddress, password: string, database: string = ownName): string {
  const login = `${ownName}:${encodeURIComponent(password)}`
  return address.kind === 'tcp'
    ? `postgresql://${login}@${address.host}:${address.port}/${database}`
    : `postgresql://${login}@localhost:${address.port}/${database}?host=${encodeURIComponent(address.folder)}`
}

function socketPath(folder: string, port: number): string {
  return join(folder, `.s.PGSQL.${port}`)
}
