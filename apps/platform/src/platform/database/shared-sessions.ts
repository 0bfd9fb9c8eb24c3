import { Client } from 'pg'
import { ConfigError } from '../config.ts'

/**
 * Refuses a pooler that hands one session of PostgreSQL to several connections (PgBouncer's `transaction` and `statement`): limits, locks and
 * the search path of one part would be another's. Two connections that are open at the same time tell the same process
 * there, unless the pooler is busy. Throws ConfigError.
 */
export async function refuseSharedSessions(connectionString: string): Promise<void> {
  const clients: Client[] = []
  const pids = new Set<number>()
  try {
    for (let count = 0; count < 2; count++) {
      const client = new Client({ connectionString })
      client.on('error', () => {})
      clients.push(client)
      await client.connect()
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      for (const { pid } of rows) pids.add(pid)
    }
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
  if (pids.size === clients.length) return
  throw new ConfigError(
    'DATABASE_URL leads to a pooler that shares sessions between connections. Set pool_mode = session there, or name PostgreSQL itself.',
  )
}
