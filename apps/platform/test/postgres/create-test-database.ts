import { inject } from 'vitest'
import { cloneDatabase, type TestDatabase } from './test-database.ts'

/** A migrated database of the test's own on the run's server; needs global-setup.ts as Vitest's globalSetup. */
export function createTestDatabase(): Promise<TestDatabase> {
  return cloneDatabase({ adminUrl: inject('postgresUrl'), template: inject('postgresTemplate') })
}
