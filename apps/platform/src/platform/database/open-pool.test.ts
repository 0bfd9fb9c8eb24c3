import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { openPool } from './open-pool.ts'

test('a closed pool has left no connection that could be lost when its server ends', async () => {
  const { connectionString, drop } = await createTestDatabase()
  const { pool, close } = openPool({ connectionString, max: 5 }, () => {})
  const sockets: Socket[] = []
  pool.on('connect', (client) =>
    sockets.push((client as unknown as { connection: { stream: Socket } }).connection.stream),
  )
  await Promise.all(Array.from({ length: 5 }, () => pool.query('SELECT pg_sleep(0.05)')))
  await close()
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual(Array(5).fill(true))
  await drop()
})
