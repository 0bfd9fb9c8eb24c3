import { randomBytes } from 'node:crypto'
import { chown, mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Binaries } from './binaries.ts'
import { EmbeddedPostgresError, unlessMissing } from './embedded-postgres-error.ts'
import { runProgram } from './run-program.ts'
import { ownName } from './server-address.ts'
import { replaceFile } from './server-conf.ts'
import type { ServiceUser } from './service-user.ts'

/** Lies inside the data folder, so that a copy of the data never parts from its password. */
const passwordFile = 'ocelli.password'

/** The password that `createCluster` made; rejects with `password-refused` where it is missing. */
export async function readPassword(pgData: string): Promise<string> {
  const text = await unlessMissing(readFile(join(pgData, passwordFile), 'utf8'))
  if (text?.trim()) return text.trim()
  throw new EmbeddedPostgresError(
    'password-refused',
    `The password of the database, ${join(pgData, passwordFile)}, is missing. Restore it from the backup of the data folder.`,
  )
}

/**
 * Makes the data folder `pgData`: UTF-8 compared byte by byte (the builtin provider's C.UTF-8, the same on every
 * machine), data checksums, SCRAM passwords only. It is made beside and renamed when complete, so a kill in the middle
 * leaves nothing that a later start could take for a database. `isDurable: false` skips the flush (tests).
 */
export async function createCluster(options: {
  binaries: Binaries
  pgData: string
  user?: ServiceUser
  isDurable: boolean
  signal?: AbortSignal
}): Promise<void> {
  const { binaries, pgData, user, signal } = options
  await removeUnfinished(pgData)
  // A fresh name each time: an initdb that outlived its killed parent may still write into an older one.
  const workshop = await mkdtemp(unfinishedPrefix(pgData))
  try {
    const data = join(workshop, 'data')
    const password = randomBytes(24).toString('base64url')
    const passwordPath = join(workshop, 'password')
    await writeFile(passwordPath, password, { mode: 0o600 })
    await mkdir(data, { mode: 0o700 })
    if (user) for (const path of [passwordPath, data, workshop]) await chown(path, user.uid, user.gid)
    const { exitCode, output } = await runProgram(
      binaries.initdb,
      [
        ...['-D', data, '-U', ownName, `--pwfile=${passwordPath}`, '--auth=scram-sha-256', '--encoding=UTF8'],
        ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--data-checksums'],
        ...['--no-instructions', ...(options.isDurable ? [] : ['--no-sync'])],
      ],
      { user, signal },
    )
    if (exitCode !== 0) {
      throw new EmbeddedPostgresError('init-failed', `Cannot make the database in ${pgData}: ${output}`)
    }
    await replaceFile(join(data, passwordFile), `${password}\n`, user)
    await rename(data, pgData)
    if (process.platform !== 'win32') await flushFolder(dirname(pgData))
  } finally {
    await rm(workshop, { recursive: true, force: true })
  }
}

/** Deletes what killed predecessors left; the caller holds the folder's lock, so none of them is at work. */
async function removeUnfinished(pgData: string): Promise<void> {
  const prefix = basename(unfinishedPrefix(pgData))
  for (const name of await readdir(dirname(pgData))) {
    if (name.startsWith(prefix)) {
      await rm(join(dirname(pgData), name), { recursive: true, force: true, maxRetries: 10 })
    }
  }
}

function unfinishedPrefix(pgData: string): string {
  return `${pgData}.unfinished-`
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
