import { expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { withClient } from '../../../test/postgres/test-database.ts'
import { holdInstanceLock } from './instance-lock.ts'

test('a second process on the database is refused until the first one ends, and a lost connection is told', async () => {
  const { connectionString, drop } = await createTestDatabase()
  const first = await holdInstanceLock(connectionString)
  await expect(holdInstanceLock(connectionString)).rejects.toMatchObject({ code: 'instance-running' })
  await first.release()
  const next = await holdInstanceLock(connectionString)
  await withClient(connectionString, (client) =>
    client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    ),
  )
  expect(await next.lost).toBeInstanceOf(Error)
  await drop()
})
