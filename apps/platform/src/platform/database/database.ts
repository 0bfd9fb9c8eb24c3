import { createHash } from 'node:crypto'
import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import { Client, type Pool, type PoolConfig, types } from 'pg'
import { openPool } from './open-pool.ts'
import { asSettings, type SessionLimits, usualLimits } from './session-limits.ts'
import type { SessionSettings } from './session-settings.ts'
import type { Tables } from './tables.ts'

/** The pool, or a transaction on it: stores take either. */
export type Database = Kysely<Tables>
export type DatabaseTransaction = Transaction<Tables>

const int8 = 20
const numeric = 1700
const timestamptz = 1184

/** `2026-01-02 03:04:05.678901+00` to RFC 3339 with at most milliseconds. */
export function toRfc3339(text: string): string {
  const [seconds = '', fraction] = text.slice(11, -3).split('.')
  return `${text.slice(0, 10)}T${seconds}${fraction ? `.${fraction.slice(0, 3).padEnd(3, '0')}` : ''}Z`
}

const parsers: Record<number, (text: string) => unknown> = {
  // every bigint of the schema counts or numbers something well below 2^53
  [int8]: Number,
  [numeric]: Number,
  [timestamptz]: toRfc3339,
}

/**
 * Names every parameterized statement by its text, so that PostgreSQL plans it once per connection:
 * planning costs more than running for our short statements.
 */
class PreparingClient extends Client {
  /** Only the form (text, values) is rewritten. `never` fits all of pg's overloads: each caller gets what its own one gives. */
  override query(...args: unknown[]): never {
    const [text, values, ...rest] = args
    const isParameterized = typeof text === 'string' && Array.isArray(values) && values.length > 0
    const given = isParameterized ? [{ name: statementName(text), text, values }, ...rest] : args
    return super.query(...(given as Parameters<Client['query']>)) as never
  }
}

const names = new Map<string, string>()
function statementName(text: string): string {
  let name = names.get(text)
  if (!name) {
    if (names.size > 5000) names.clear()
    name = createHash('sha1').update(text).digest('base64url')
    names.set(text, name)
  }
  return name
}

export interface DatabaseOptions {
  connectionString: string
  maxConnections: number
  limits?: SessionLimits
  onError: (error: Error) => void
}

/** Opens the pool. `close` ends it. Timestamps arrive as RFC 3339 text, bigint as number. */
export function openDatabase({ connectionString, maxConnections, limits = usualLimits, onError }: DatabaseOptions): {
  db: Database
  pool: Pool
  close: () => Promise<void>
} {
  const config = {
    connectionString,
    max: maxConnections,
    settings: { timezone: 'UTC', ...asSettings(limits) },
    types: {
      getTypeParser: ((oid: number, format: 'text') => parsers[oid] ?? types.getTypeParser(oid, format)) as never,
    },
    Client: PreparingClient,
  } as PoolConfig & { settings: SessionSettings }
  const { pool, close } = openPool(config, onError)
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return { db, pool, close }
}

/** Constraint that a statement broke, as `{ code, constraint }`; null for any other error. */
export function brokenConstraint(error: unknown): { code: string; constraint: string } | null {
  if (!(error instanceof Error)) return null
  const { code, constraint } = error as { code?: unknown; constraint?: unknown }
  return typeof code === 'string' && code.startsWith('23') ? { code, constraint: String(constraint ?? '') } : null
}

/** Serialization failures and deadlocks, which a transaction may simply run again. */
export function isTransient(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return code === '40001' || code === '40P01'
}
