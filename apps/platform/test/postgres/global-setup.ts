import type { TestProject } from 'vitest/node'
import { startTestServer } from './test-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The test server's connection string, for a role that may create databases. */
    postgresUrl: string
    /** The migrated database that `createTestDatabase` clones. */
    postgresTemplate: string
  }
}

/**
 * Vitest's globalSetup: one PostgreSQL for the whole run, ended by the function given back. It is the embedded one
 * unless OCELLI_TEST_POSTGRES names the folder of another's programs (`/usr/lib/postgresql/15/bin`), or
 * OCELLI_TEST_DATABASE_URL a running server.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestServer({
    databaseUrl: process.env.OCELLI_TEST_DATABASE_URL,
    programs: process.env.OCELLI_TEST_POSTGRES,
  })
  project.provide('postgresUrl', server.adminUrl)
  project.provide('postgresTemplate', server.template)
  return () => server.stop()
}
