import { chmod, chown, lchown, readdir, readFile, realpath, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../data-folder.ts'
import { EmbeddedPostgresError, systemCodeOf, unlessMissing } from './embedded-postgres-error.ts'
import { isRoot, type ServiceUser } from './service-user.ts'

/** Where the embedded server keeps what: `pg/<major>` the data, beside it the lock, the log and copied programs. */
export type ServerFolders = { pg: string; pgData: string; copies: string; log: string }

/** Makes `<dataFolder>/pg`, which root's service user can pass through but not list. */
export async function prepareFolders(dataFolder: string, major: number): Promise<ServerFolders> {
  const pg = join(dataFolder, 'pg')
  await makeFolder(pg, 0o700)
  if (isRoot()) for (const folder of [dataFolder, pg]) await letPassThrough(folder)
  return serverFolders(dataFolder, major)
}

/** Resolves links, since a server reports its data folder without them; `<dataFolder>/pg` must exist. */
export async function serverFolders(dataFolder: string, major: number): Promise<ServerFolders> {
  const pg = await realpath(join(dataFolder, 'pg'))
  return { pg, pgData: join(pg, String(major)), copies: join(pg, 'bin'), log: join(pg, 'postgres.log') }
}

async function letPassThrough(folder: string): Promise<void> {
  const { mode } = await stat(folder)
  if ((mode & 0o011) !== 0o011) await chmod(folder, (mode & 0o777) | 0o011)
}

/**
 * Tells whether `pgData` holds a database of this major version. Rejects with `other-major` where only another
 * version's data is there: PostgreSQL reads no other version's files, and an empty database beside them would look
 * like lost data. `isOtherIgnored` is for the import, which fills the new one.
 */
export async function hasCluster(folders: ServerFolders, major: number, isOtherIgnored: boolean): Promise<boolean> {
  const version = await versionIn(folders.pgData)
  if (version !== undefined && version !== major) throw otherMajor(folders.pgData, version, major)
  if (version === major) return true
  await removeIfEmpty(folders.pgData)
  for (const name of await readdir(folders.pg)) {
    const folder = join(folders.pg, name)
    const found = /^\d+$/.test(name) ? await versionIn(folder) : undefined
    if (found !== undefined && !isOtherIgnored) throw otherMajor(folder, found, major)
  }
  return false
}

async function versionIn(folder: string): Promise<number | undefined> {
  const text = await unlessMissing(readFile(join(folder, 'PG_VERSION'), 'utf8'))
  return text === undefined ? undefined : Number.parseInt(text, 10)
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await unlessMissing(rmdir(folder))
  } catch (cause) {
    if (systemCodeOf(cause) !== 'ENOTEMPTY' && systemCodeOf(cause) !== 'EEXIST') throw cause
    throw new EmbeddedPostgresError(
      'folder-unusable',
      `${folder} is not empty and holds no PostgreSQL database. Restore it from a backup, or move it away to start with an empty one.`,
      { cause },
    )
  }
}

function otherMajor(folder: string, found: number, major: number): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'other-major',
    `${folder} was written by PostgreSQL ${found}; this release brings PostgreSQL ${major}, which cannot read it. With the release that wrote it run \`ocelli-platform export <file>\`, then with this one \`ocelli-platform import <file>\`.`,
  )
}

/**
 * Gives data that root owns, such as a restored backup, to the service user. Its top folder changes hands last: as
 * long as that is root's, nobody else could lay out links in it, and an interrupted hand-over is taken up again.
 */
export async function handOver(folder: string, user: ServiceUser): Promise<void> {
  if ((await stat(folder)).uid !== 0) return
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  for (const entry of entries) await lchown(join(entry.parentPath, entry.name), user.uid, user.gid)
  await chown(folder, user.uid, user.gid)
}

/** Takes away what a copy under a usual umask grants to others; PostgreSQL refuses such a data folder. */
export async function closeToOthers(folder: string): Promise<void> {
  if (process.platform !== 'win32' && (await stat(folder)).mode & 0o027) await chmod(folder, 0o700)
}
