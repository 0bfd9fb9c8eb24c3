import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import type { TestServer } from './test-server.ts'

export interface TestDatabase {
  connectionString: string
  /** Deletes the database, ending connections that are still open. */
  drop(): Promise<void>
}

/** Copies the server's migrated template into a database of its own. */
export async function cloneDatabase({
  adminUrl,
  template,
}: Pick<TestServer, 'adminUrl' | 'template'>): Promise<TestDatabase> {
  const name = `${template}_${randomBytes(6).toString('hex')}`
  await withClient(adminUrl, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY WAL_LOG`))
  return {
    connectionString: databaseNamed(adminUrl, name),
    drop: () =>
      withClient(adminUrl, async (client) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))),
  }
}

/** The same server and login, another database. */
export function databaseNamed(connectionString: string, name: string): string {
  const url = new URL(connectionString)
  url.pathname = `/${name}`
  return url.href
}

/** One connection for one piece of work. */
export async function withClient<T>(connectionString: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
