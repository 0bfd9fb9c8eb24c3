import type { ClientBase } from 'pg'

/** Settings of PostgreSQL by name, our own words only: they go into the statement as they are. */
export type SessionSettings = Record<string, string | number>

/**
 * Makes settings count for a session. By a statement, not at the connection's start (`options`): there, poolers refuse every setting that
 * they do not follow themselves.
 */
export async function applySettings(client: ClientBase, settings: SessionSettings): Promise<void> {
  const statements = Object.entries(settings).map(([name, value]) => `SET ${name} = '${value}'`)
  if (statements.length > 0) await client.query(statements.join('; '))
}
