import { Client, type ClientConfig } from 'pg'

/**
 * Opens one connection, for work that needs the same one throughout; end it with `end`. A connection that is lost is told by
 * the next query: pg tells it as an event too, which would end the process where nobody listens.
 */
export async function openClient(config: ClientConfig): Promise<Client> {
  const client = new Client(config)
  client.on('error', () => {})
  await client.connect()
  return client
}
