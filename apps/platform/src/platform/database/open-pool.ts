import { Pool, type PoolClient, type PoolConfig } from 'pg'
import { applySettings, type SessionSettings } from './session-settings.ts'

/** For connections whose server no longer answers the goodbye. */
const goodbyeTimeoutMs = 5000
/** Who has waited so long for a connection is told, rather than kept until the caller gives up. */
const connectTimeoutMs = 15_000

/**
 * A pool whose `close` resolves when its connections are gone. The library's own `end` resolves before: a PostgreSQL that
 * is stopped right after would find them open, and each would report that it was lost. A server that vanished from the
 * network without a word is noticed by TCP's own signs of life.
 */
export function openPool(
  { settings = {}, ...config }: PoolConfig & { settings?: SessionSettings },
  onError: (error: Error) => void,
): { pool: Pool; close: () => Promise<void> } {
  const pool = new Pool({
    ...{ keepAlive: true, connectionTimeoutMillis: connectTimeoutMs, ...config },
    // awaited by the pool: nobody gets a connection before its settings count
    onConnect: (client) => applySettings(client, settings),
  })
  const open = new Set<PoolClient>()
  const allGone = Promise.withResolvers<void>()
  let isClosing = false
  const look = () => {
    if (isClosing && open.size === 0) allGone.resolve()
  }
  pool.on('error', onError)
  pool.on('connect', (client) => {
    open.add(client)
    // the pool listens to idle clients only: one that is lost between two statements of a transaction must not end the process
    client.on('error', onError)
  })
  pool.on('remove', (client) => {
    open.delete(client)
    look()
  })
  return {
    pool,
    async close() {
      await pool.end()
      isClosing = true
      look()
      const patience = setTimeout(allGone.resolve, goodbyeTimeoutMs)
      await allGone.promise
      clearTimeout(patience)
    },
  }
}
