import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openClient } from './open-client.ts'

const migrationsFolder = join(import.meta.dirname, 'migrations')
/** Any number that no other program takes on this database. */
const lockKey = 7_203_441

/**
 * Brings the schema up to what this program knows, one transaction per file, under an advisory lock so that
 * processes starting together do it once. Refuses a schema newer than it knows. `only` stops at an older schema, for
 * rows that were written by it.
 */
export async function migrate(
  connectionString: string,
  { only }: { only?: string[] } = {},
): Promise<{ applied: string[] }> {
  const known = (await readdir(migrationsFolder)).filter((name) => name.endsWith('.sql')).sort()
  const newer = only?.find((name) => !known.includes(name))
  if (newer) throw newerThanKnown(newer)
  const client = await openClient({ connectionString })
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lockKey])
    await client.query(
      'CREATE TABLE IF NOT EXISTS schema_migration (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    )
    const done = (await client.query<{ name: string }>('SELECT name FROM schema_migration ORDER BY name')).rows
    const unknown = done.filter(({ name }) => !known.includes(name))
    if (unknown[0]) throw newerThanKnown(unknown[0].name)
    const isWanted = (file: string) => !done.some((row) => row.name === file) && (only?.includes(file) ?? true)
    const applied: string[] = []
    for (const name of known.filter(isWanted)) {
      await client.query('BEGIN')
      await client.query(await readFile(join(migrationsFolder, name), 'utf8'))
      await client.query('INSERT INTO schema_migration (name) VALUES ($1)', [name])
      await client.query('COMMIT')
      applied.push(name)
    }
    return { applied }
  } finally {
    await client.end()
  }
}

/** Only a newer program reads what lies in the database; starting again does not help. */
export class NewerSchemaError extends Error {
  override readonly name = 'NewerSchemaError'
  readonly code = 'schema-newer'
}

const newerThanKnown = (migration: string): Error =>
  new NewerSchemaError(
    `The database was written by a newer Ocelli (migration ${migration}). Start that version, or a later one.`,
  )
