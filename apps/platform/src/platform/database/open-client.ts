import { Client } from 'pg'
import { asSettings, noLimits } from './session-limits.ts'
import { applySettings } from './session-settings.ts'

/**
 * Opens one connection, for work that needs the same one throughout and may take as long as it takes; end it with `end`. Times are those
 * of UTC. A connection that is lost is told by the next query: pg tells it as an event too, which would end the process where
 * nobody listens.
 */
export async function openClient({ connectionString }: { connectionString: string }): Promise<Client> {
  const client = new Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  try {
    await applySettings(client, { timezone: 'UTC', ...asSettings(noLimits) })
  } catch (error) {
    await client.end()
    throw error
  }
  return client
}
