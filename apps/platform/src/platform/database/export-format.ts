/**
 * An export is text of one JSON value a line, gzipped: the header, for each table a `table` line and its rows as objects,
 * and the `end`, without which it is torn.
 */
export interface ExportHeader {
  format: 'ocelli-export'
  version: 1
  at: string
  /** The PostgreSQL that it comes from. */
  postgres: string
  /** The schema that the rows fit into. */
  migrations: string[]
  /** What counts on where it stood: sessions of gateways must go on growing. */
  sequences: { schema: string; name: string; value: string }[]
  /** Tells whether a master key is the one that the instance's keys are sealed with. */
  masterKeyMark: string
  /** What the blob store must hold beside the database. */
  blobs: { sha256: string; size: number }[]
}

export type ExportLine =
  | ['header', ExportHeader]
  | ['table', { schema: string; name: string; columns: string[] }]
  | ['end', { rows: Record<string, number> }]

/** The file is no export, or not one that can be taken in here. */
export class ExportError extends Error {
  override readonly name = 'ExportError'
  readonly code = 'export-unusable'
}

export const tableName = ({ schema, name }: { schema: string; name: string }): string => `${schema}.${name}`

/** For names out of the catalog and out of a file, which go into statements. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** The schemas that are ours. */
export const schemas = ['public', 'auth']

/** Says itself what was applied; the header names it. */
export const withoutMigrations = "NOT (n.nspname = 'public' AND c.relname = 'schema_migration')"
