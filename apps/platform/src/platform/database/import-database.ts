import type { Client } from 'pg'
import { ExportError, type ExportHeader, type ExportLine, quoted, schemas, tableName } from './export-format.ts'
import { migrate } from './migrate.ts'
import { openClient } from './open-client.ts'

const rowsAtOnce = 500
const charactersAtOnce = 4_000_000

export interface ImportOptions {
  connectionString: string
  lines: AsyncIterable<string>
  masterKeyMark: string
  /** Makes the tables that are not this program's migrations (sign-in). */
  prepare: () => Promise<void>
}

/**
 * Fills a fresh database with an export, all or nothing: the tables first as they were when it was written (the next
 * start brings them up to date), then the rows, then the references between them, which are checked. Throws ExportError
 * with what to do.
 */
export async function importDatabase(options: ImportOptions): Promise<ExportHeader> {
  const reader = options.lines[Symbol.asyncIterator]()
  const header = await readHeader(reader, options.masterKeyMark)
  await refuseUsed(options.connectionString)
  await migrate(options.connectionString, { only: header.migrations })
  await options.prepare()
  const client = await openClient(options)
  try {
    await client.query('BEGIN')
    const references = await dropReferences(client)
    await readRows(client, reader)
    for (const { table, name, definition } of references)
      await client.query(`ALTER TABLE ${table} ADD CONSTRAINT ${quoted(name)} ${definition}`)
    await setSequences(client, header.sequences)
    await client.query('COMMIT')
    await client.query('ANALYZE')
    return header
  } finally {
    await client.end()
  }
}

async function readHeader(reader: AsyncIterator<string>, masterKeyMark: string): Promise<ExportHeader> {
  const first = await reader.next()
  const value = first.done ? null : parse(first.value)
  const [kind, header] = value ?? []
  if (kind !== 'header' || (header as ExportHeader).format !== 'ocelli-export') {
    throw new ExportError('This file is not an export of an Ocelli platform.')
  }
  const found = header as ExportHeader
  if (found.version !== 1) throw new ExportError('This export was written by a newer Ocelli: import it with that one.')
  if (found.masterKeyMark !== masterKeyMark) {
    throw new ExportError(
      'The master key here is not the one of the exported instance, so its keys could not be opened. Put that master.key into the data folder first, or set OCELLI_MASTER_KEY.',
    )
  }
  return found
}

async function refuseUsed(connectionString: string): Promise<void> {
  const client = await openClient({ connectionString })
  try {
    const { rows } = await client.query<{ exists: boolean }>(
      "SELECT to_regclass('public.account') IS NOT NULL AS exists",
    )
    if (!rows[0]?.exists) return
    const { rowCount } = await client.query('SELECT FROM account LIMIT 1')
    if (rowCount)
      throw new ExportError('This database is in use already. Import into a fresh data folder or an empty database.')
  } finally {
    await client.end()
  }
}

interface Reference {
  table: string
  name: string
  definition: string
}

/** Rows come table by table, in an order that knows nothing of what refers to what. */
async function dropReferences(client: Client): Promise<Reference[]> {
  const { rows } = await client.query<Reference>(
    `SELECT c.conrelid::regclass::text AS table, c.conname AS name, pg_get_constraintdef(c.oid) AS definition
    FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
    WHERE c.contype = 'f' AND n.nspname = ANY($1) AND c.conparentid = 0`,
    [schemas],
  )
  for (const { table, name } of rows) await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${quoted(name)}`)
  return rows
}

interface Target {
  /** With its schema, quoted. */
  name: string
  columns: string[]
}

async function readRows(client: Client, reader: AsyncIterator<string>): Promise<void> {
  const counts: Record<string, number> = {}
  let target: Target | null = null
  let current = ''
  let [batch, characters] = [[] as string[], 0]
  const flush = async () => {
    if (target && batch.length > 0) await insert(client, target, batch)
    ;[batch, characters] = [[], 0]
  }
  const finish = async () => {
    await flush()
    if (target) await client.query(`ALTER TABLE ${target.name} ENABLE TRIGGER USER`)
  }
  for (let next = await reader.next(); !next.done; next = await reader.next()) {
    const text = next.value
    if (text.startsWith('{')) {
      batch.push(text)
      characters += text.length
      counts[current] = (counts[current] ?? 0) + 1
      if (batch.length >= rowsAtOnce || characters >= charactersAtOnce) await flush()
      continue
    }
    await finish()
    const [kind, value] = parse(text)
    if (kind === 'end') return checkCounts(counts, value.rows)
    if (kind !== 'table') break
    current = tableName(value)
    counts[current] = 0
    target = await prepareTable(client, value)
  }
  throw new ExportError('This export is torn: its end is missing. Nothing was imported.')
}

/** Counters that triggers keep come with the rows themselves. */
async function prepareTable(
  client: Client,
  { schema, name, columns }: { schema: string; name: string; columns: string[] },
): Promise<Target> {
  if (!schemas.includes(schema)) throw new ExportError(`This export names a foreign schema, ${schema}.`)
  const { rows } = await client.query<{ name: string; type: string }>(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute a
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`,
    [`${quoted(schema)}.${quoted(name)}`],
  )
  const unknown = columns.filter((column) => !rows.some((row) => row.name === column))
  if (unknown.length > 0)
    throw new ExportError(`This release knows no ${schema}.${name} (${unknown.join(', ')}): import with a newer one.`)
  // A transaction's number means nothing in another database: events get the import's own, and new numbers in their order.
  const counted = rows.filter(({ type }) => type === 'xid8').map((row) => row.name)
  if (counted.length > 0 && tableName({ schema, name }) !== 'public.event')
    throw new ExportError(`${schema}.${name} holds numbers of transactions, which cannot be carried over.`)
  const kept = counted.length > 0 ? columns.filter((column) => ![...counted, 'event_id'].includes(column)) : columns
  const target = { name: `${quoted(schema)}.${quoted(name)}`, columns: kept }
  await client.query(`ALTER TABLE ${target.name} DISABLE TRIGGER USER`)
  await client.query(`DELETE FROM ${target.name}`)
  return target
}

async function insert(client: Client, { name, columns }: Target, rows: string[]): Promise<void> {
  const list = columns.map(quoted).join(', ')
  await client.query(
    `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE
    SELECT ${list} FROM json_populate_recordset(NULL::${name}, $1::json)`,
    [`[${rows.join(',')}]`],
  )
}

function checkCounts(counts: Record<string, number>, wanted: Record<string, number>): void {
  for (const [table, rows] of Object.entries(wanted)) {
    if (counts[table] !== rows)
      throw new ExportError(`This export is damaged: ${table} has ${counts[table] ?? 0} of ${rows} rows.`)
  }
}

/** Each goes on from where it stood; events have their new numbers already, and leave a gap. */
async function setSequences(client: Client, sequences: ExportHeader['sequences']): Promise<void> {
  for (const { schema, name, value } of sequences)
    await client.query('SELECT setval($1, greatest($2::bigint, nextval($1)))', [
      `${quoted(schema)}.${quoted(name)}`,
      value,
    ])
}

function parse(text: string): ExportLine {
  try {
    return JSON.parse(text) as ExportLine
  } catch (cause) {
    throw new ExportError('This file is not an export of an Ocelli platform, or it is damaged.', { cause })
  }
}
