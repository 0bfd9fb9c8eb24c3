import { Pool, type PoolClient, type PoolConfig } from 'pg'

/** For connections whose server no longer answers the goodbye. */
const goodbyeTimeoutMs = 5000

/**
 * A pool whose `close` resolves when its connections are gone. The library's own `end` resolves before: a PostgreSQL that
 * is stopped right after would find them open, and each would report that it was lost.
 */
export function openPool(
  config: PoolConfig,
  onError: (error: Error) => void,
): { pool: Pool; close: () => Promise<void> } {
  const pool = new Pool(config)
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
