import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { pino } from 'pino'
import { migrate } from '../../src/platform/database/migrate.ts'
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres/start-embedded-postgres.ts'
import { startInstalledServer } from './installed-server.ts'
import { databaseNamed, withClient } from './test-database.ts'

/** One PostgreSQL for a run of tests, with a migrated template to clone databases from. */
export interface TestServer {
  /** For a role that may create databases. */
  adminUrl: string
  /** The migrated database that `cloneDatabase` copies. */
  template: string
  /** Ends the server and deletes its data; on a given server, drops what this run made there. */
  stop(): Promise<void>
}

/** Speed over safety: the data of a test does not outlive it. Statistics change only by the test's own ANALYZE. */
const testSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  max_connections: '200',
}

/**
 * Starts the embedded PostgreSQL in a temporary folder, or the one that is installed in the folder `programs`, or uses
 * the server that `databaseUrl` names, and migrates the template. For tests and measurements, inside Vitest and out.
 */
export async function startTestServer(options: {
  databaseUrl?: string
  programs?: string
  settings?: Record<string, string>
}): Promise<TestServer> {
  const base = options.databaseUrl ? given(options.databaseUrl) : await started(options)
  const template = `ocelli_test_${randomBytes(4).toString('hex')}`
  try {
    await withClient(base.adminUrl, (client) => client.query(`CREATE DATABASE ${template} TEMPLATE template0`))
    await migrate(databaseNamed(base.adminUrl, template))
    await withClient(base.adminUrl, (client) => closeTemplate(client, template))
  } catch (error) {
    await base.stop()
    throw error
  }
  return {
    adminUrl: base.adminUrl,
    template,
    async stop() {
      if (options.databaseUrl) await withClient(base.adminUrl, (client) => dropAllOf(client, template))
      await base.stop()
    },
  }
}

type BaseServer = Pick<TestServer, 'adminUrl' | 'stop'>

function given(adminUrl: string): BaseServer {
  return { adminUrl, stop: async () => {} }
}

async function started({ programs, settings }: { programs?: string; settings?: Record<string, string> }) {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-test-'))
  await chmod(folder, 0o711)
  const guardian = spawnGuardian(folder)
  const all = { ...testSettings, ...settings }
  const server = programs
    ? await startInstalledServer({ programs, folder, settings: all })
    : await startEmbeddedPostgres({ dataFolder: folder, log: pino({ level: 'warn' }, process.stderr), settings: all })
  return {
    adminUrl: server.connectionString,
    async stop() {
      await server.stop()
      guardian.ref()
      const ended = once(guardian, 'exit')
      guardian.stdin?.end()
      await ended
    },
  }
}

function spawnGuardian(folder: string): ChildProcess {
  const guardian = spawn(process.execPath, [join(import.meta.dirname, 'guardian.ts'), folder], {
    // A terminal's Ctrl-C must not end the one who clears up after it.
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  guardian.unref()
  return guardian
}

/** A template that nobody can connect to cannot be in use, and so can always be cloned. */
async function closeTemplate(client: Client, template: string): Promise<void> {
  await client.query(`ALTER DATABASE ${template} WITH ALLOW_CONNECTIONS false`)
}

/** Clones bear their template's name, so that a run drops its own and no other run's. */
async function dropAllOf(client: Client, template: string): Promise<void> {
  const { rows } = await client.query<{ datname: string }>(
    'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
    [template],
  )
  for (const { datname } of rows) await client.query(`DROP DATABASE ${datname} WITH (FORCE)`)
}
