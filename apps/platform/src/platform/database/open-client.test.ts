import { expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { openClient } from './open-client.ts'

test('a connection that is lost while nobody asks ends no process; the next query tells it', async () => {
  const { connectionString, drop } = await createTestDatabase()
  const [lost, other] = await Promise.all([openClient({ connectionString }), openClient({ connectionString })])
  const ended = new Promise((resolve) => lost.once('end', () => resolve(null)))
  const { rows } = await lost.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  await other.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
  await ended
  await expect(lost.query('SELECT 1')).rejects.toThrow()
  await Promise.all([lost.end(), other.end()])
  await drop()
})
