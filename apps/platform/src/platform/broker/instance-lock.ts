import { Client } from 'pg'

/** Any number that nobody else locks in this database. */
const lockNumber = 7_162_535_001

export class InstanceLockError extends Error {
  override readonly name = 'InstanceLockError'
  readonly code = 'instance-running'
}

export interface InstanceLock {
  /** Resolves when the lock was lost with its connection: another process may hold it now, so this one must end. */
  lost: Promise<Error>
  release(): Promise<void>
}

/**
 * Only one process may run a broker of its own on a database: gateways of one would not hear the other.
 * Held by a connection of its own, so that it ends with the process. Throws InstanceLockError when another holds it.
 */
export async function holdInstanceLock(connectionString: string): Promise<InstanceLock> {
  const client = new Client({ connectionString, keepAlive: true })
  const lost = new Promise<Error>((resolve) => {
    client.on('error', resolve)
    client.on('end', () => resolve(new Error('The connection that holds the instance lock has ended.')))
  })
  await client.connect()
  const { rows } = await client.query('SELECT pg_try_advisory_lock($1::bigint) AS held', [lockNumber])
  if (rows[0]?.held !== true) {
    await client.end()
    throw new InstanceLockError(
      'Another platform process runs on this database. Stop it, or set MQTT_URL for all of them: several processes need an MQTT broker that they share.',
    )
  }
  return { lost, release: () => client.end() }
}
