import { realpath } from 'node:fs/promises'
import { Client, DatabaseError } from 'pg'
import { ownName } from './server-address.ts'

const connectTimeoutMs = 5_000

/** What one try to connect shows. */
export type ProbeAnswer =
  | { kind: 'ready'; dataFolder: string }
  | { kind: 'not-yet' }
  | { kind: 'unreachable'; cause: unknown }
  | { kind: 'password-refused'; cause: unknown }

/** Connects once to the server's own database `postgres` and asks which folder it serves. */
export async function probeServer(connectionString: string): Promise<ProbeAnswer> {
  try {
    return await withClient(connectionString, async (client) => {
      const { rows } = await client.query<{ folder: string }>("SELECT current_setting('data_directory') AS folder")
      return { kind: 'ready', dataFolder: await realpath(rows[0]?.folder ?? '') }
    })
  } catch (cause) {
    // SQLSTATE: 57P03 cannot_connect_now (starting, recovering, ending), 53300 too_many_connections, 28* refused login.
    const state = cause instanceof DatabaseError ? cause.code : undefined
    if (state === '57P03' || state === '53300') return { kind: 'not-yet' }
    if (state?.startsWith('28')) return { kind: 'password-refused', cause }
    return { kind: 'unreachable', cause }
  }
}

/** Makes the database of the platform where a first start, or one killed right after initdb, has not. */
export async function ensureDatabase(connectionString: string): Promise<void> {
  const url = new URL(connectionString)
  url.pathname = '/postgres'
  await withClient(url.href, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [ownName])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${ownName}`)
  })
}

async function withClient<T>(connectionString: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString, connectionTimeoutMillis: connectTimeoutMs })
  // The failing query rejects too; without a listener the server's end would end this process.
  client.on('error', () => {})
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end()
  }
}
