import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServerAddress } from './server-address.ts'
import type { ServiceUser } from './service-user.ts'

/**
 * Settings for a small idle footprint: 19 MB PSS against 26 MB with PostgreSQL's own (measured), and what the
 * platform's way of working asks for.
 */
export function defaultSettings(platform: NodeJS.Platform): Record<string, string> {
  return {
    shared_buffers: '64MB',
    work_mem: '8MB',
    // Three I/O workers less; the working set lies in memory.
    io_method: 'sync',
    jit: 'off',
    huge_pages: 'off',
    // `replica` and slots, because a backup by pg_backup_start must be able to hold back WAL while it copies.
    wal_level: 'replica',
    max_wal_senders: '0',
    max_replication_slots: '2',
    max_logical_replication_workers: '0',
    max_wal_size: '512MB',
    checkpoint_timeout: '15min',
    autovacuum_max_workers: '2',
    random_page_cost: '1.1',
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Terse: DETAIL lines quote the row's values. The platform reports failed statements itself.
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
    log_checkpoints: 'off',
    log_line_prefix: '%m [%p] ',
    // After a SIGKILL of the platform its running statements and their locks end too; Windows cannot watch a socket.
    ...(platform === 'win32' ? {} : { client_connection_check_interval: '2s' }),
  }
}

/** Where the server listens, as settings. */
export function addressSettings(address: ServerAddress): Record<string, string> {
  switch (address.kind) {
    case 'socket':
      return {
        listen_addresses: '',
        unix_socket_directories: address.folder,
        unix_socket_permissions: '0700',
        port: String(address.port),
      }
    case 'tcp':
      return { listen_addresses: address.host, unix_socket_directories: '', port: String(address.port) }
  }
}

/** The text of postgresql.conf; throws on what would end a line or is no setting's name. */
export function renderConf(settings: Record<string, string>): string {
  const lines = Object.entries(settings).map(([name, value]) => {
    if (!/^[a-z_][a-z0-9_.]*$/i.test(name) || /[\r\n\0]/.test(value)) {
      throw new TypeError(`Not a PostgreSQL setting: ${JSON.stringify(name)} = ${JSON.stringify(value)}`)
    }
    return `${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
  })
  return [
    '# Written by Ocelli at every start. Put your own settings in by ALTER SYSTEM: they lie in postgresql.auto.conf,',
    '# which PostgreSQL reads after this file.',
    ...lines,
    '',
  ].join('\n')
}

/** Replaces postgresql.conf in one step, so that a power cut leaves the old one or the new one. */
export async function writeConf(pgData: string, settings: Record<string, string>, owner?: ServiceUser): Promise<void> {
  await replaceFile(join(pgData, 'postgresql.conf'), renderConf(settings), owner)
}

/** Writes a 0600 file of `owner` beside `path`, flushes it, and renames it into place. */
export async function replaceFile(path: string, text: string, owner?: ServiceUser): Promise<void> {
  const beside = `${path}.new`
  await rm(beside, { force: true })
  // `wx` never follows a link that the folder's owner may have laid out for root.
  const file = await open(beside, 'wx', 0o600)
  try {
    await file.writeFile(text)
    if (owner) await file.chown(owner.uid, owner.gid)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}
