import type { Client } from 'pg'
import { type ExportHeader, type ExportLine, quoted, schemas, tableName, withoutMigrations } from './export-format.ts'
import { openClient } from './open-client.ts'

const rowsAtOnce = 500

export interface ExportOptions {
  connectionString: string
  masterKeyMark: string
  nowMs: number
}

/**
 * Gives all rows of the instance as lines, out of one snapshot: the platform may go on working meanwhile. What the
 * database computes by itself (generated columns) is left out.
 */
export async function* exportDatabase({
  connectionString,
  masterKeyMark,
  nowMs,
}: ExportOptions): AsyncGenerator<string> {
  const client = await openClient({ connectionString })
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    yield line(['header', await readHeader(client, { masterKeyMark, nowMs })])
    const rows: Record<string, number> = {}
    for (const table of await readTables(client)) {
      yield line(['table', table])
      rows[tableName(table)] = yield* exportRows(client, table)
    }
    yield line(['end', { rows }])
    await client.query('COMMIT')
  } finally {
    await client.end()
  }
}

const line = (value: ExportLine): string => `${JSON.stringify(value)}\n`

async function readHeader(
  client: Client,
  { masterKeyMark, nowMs }: { masterKeyMark: string; nowMs: number },
): Promise<ExportHeader> {
  const all = async <Row extends object>(text: string) => (await client.query<Row>(text)).rows
  const [server] = await all<{ version: string }>("SELECT current_setting('server_version') AS version")
  const migrations = await all<{ name: string }>('SELECT name FROM schema_migration ORDER BY name')
  const blobs = await all<{ sha256: string; size: string }>(
    'SELECT sha256, max(size) AS size FROM app_package GROUP BY sha256 ORDER BY sha256',
  )
  const { rows: sequences } = await client.query<ExportHeader['sequences'][number]>(
    `SELECT schemaname AS schema, sequencename AS name, last_value::text AS value FROM pg_sequences
    WHERE schemaname = ANY($1) AND last_value IS NOT NULL ORDER BY 1, 2`,
    [schemas],
  )
  return {
    ...{ format: 'ocelli-export', version: 1, at: new Date(nowMs).toISOString(), postgres: server?.version ?? '' },
    migrations: migrations.map(({ name }) => name),
    sequences,
    masterKeyMark,
    blobs: blobs.map(({ sha256, size }) => ({ sha256, size: Number(size) })),
  }
}

interface Table {
  schema: string
  name: string
  columns: string[]
}

async function readTables(client: Client): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `SELECT n.nspname AS schema, c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE c.relkind = 'r' AND n.nspname = ANY($1) AND ${withoutMigrations}
    GROUP BY 1, 2 ORDER BY 1, 2`,
    [schemas],
  )
  return rows
}

/** Events in the order of their readers: their numbers are given anew by the database that takes them in. */
async function* exportRows(client: Client, { schema, name, columns }: Table): AsyncGenerator<string, number> {
  const source = `${quoted(schema)}.${quoted(name)}`
  const order = schema === 'public' && name === 'event' ? 'ORDER BY event.xid, event.event_id' : ''
  await client.query(
    `DECLARE exported NO SCROLL CURSOR FOR SELECT row_to_json(r)::text AS row FROM
      (SELECT ${columns.map(quoted).join(', ')} FROM ${source} ${order}) r`,
  )
  let count = 0
  for (;;) {
    const { rows } = await client.query<{ row: string }>(`FETCH ${rowsAtOnce} FROM exported`)
    if (rows.length === 0) break
    count += rows.length
    yield rows.map(({ row }) => `${row}\n`).join('')
  }
  await client.query('CLOSE exported')
  return count
}
