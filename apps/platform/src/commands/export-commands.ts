import { createHmac } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { copyFile, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable, pipeline as unpack } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { pino } from 'pino'
import { prepareSignIn } from '../features/sign-in/people.ts'
import { openBlobStore } from '../platform/blob-store/blob-store.ts'
import { type Config, ConfigError, readConfig } from '../platform/config.ts'
import { prepareDataFolder, resolveDataFolder, thisMachine } from '../platform/data-folder.ts'
import { exportDatabase } from '../platform/database/export-database.ts'
import { ExportError, type ExportHeader } from '../platform/database/export-format.ts'
import { importDatabase } from '../platform/database/import-database.ts'
import { findEmbeddedPostgres } from '../platform/embedded-postgres/find-embedded-postgres.ts'
import { startEmbeddedPostgres } from '../platform/embedded-postgres/start-embedded-postgres.ts'
import { loadMasterKey, readMasterKey } from '../platform/keys/master-key.ts'
import type { Environment } from './instance.ts'

const log = pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true }))
const say = (text: string) => void process.stderr.write(`${text}\n`)

/** Writes the whole database into a file, while the platform runs or while it does not. */
export async function exportCommand(file: string, environment: Environment): Promise<void> {
  const { blobs } = await writeExport(file, environment)
  say(
    `Not in it: the packages (${blobs.length}, in the blob store), and the master key, without which it is of no use.`,
  )
}

async function writeExport(file: string, environment: Environment): Promise<ExportHeader> {
  return await withDatabase(environment, {}, async ({ connectionString, config, dataFolder }) => {
    const masterKeyMark = markOf(await loadMasterKey({ fromEnvironment: config.masterKey, dataFolder }))
    const lines = exportDatabase({ connectionString, masterKeyMark, nowMs: Date.now() })
    const first = await lines.next()
    if (first.done) throw new Error('The export has no header.')
    // Under another name until it is whole.
    const draft = `${file}.unfinished`
    try {
      const rest = Readable.from(chain(first.value, lines))
      await pipeline(rest, createGzip({ level: 6 }), createWriteStream(draft, { mode: 0o600, flush: true }))
      await rename(draft, file)
    } finally {
      await rm(draft, { force: true })
    }
    const [, header] = JSON.parse(first.value) as ['header', ExportHeader]
    say(`Written to ${file}. It holds sealed keys and hashed secrets: keep it like the database itself.`)
    return header
  })
}

/** Fills a fresh data folder, or an empty database, with an export. */
export async function importCommand(file: string, environment: Environment): Promise<number> {
  const { masterKey: fromEnvironment } = readConfig(environment)
  const folder = resolveDataFolder(thisMachine(environment))
  const masterKey = fromEnvironment
    ? await loadMasterKey({ fromEnvironment, dataFolder: folder })
    : await readMasterKey(folder)
  if (!masterKey) {
    throw new ConfigError(
      `Put the exported instance's master.key into ${folder} first, or set OCELLI_MASTER_KEY: without it the keys in the database cannot be opened.`,
    )
  }
  return await withDatabase(environment, { isFresh: true }, async ({ connectionString, config, dataFolder }) => {
    const { blobs, at } = await importDatabase({
      ...{ connectionString, lines: readLines(file), masterKeyMark: markOf(masterKey) },
      prepare: () => prepareSignIn({ connectionString, log }),
    })
    say(`Imported the state of ${at}. Readers of events begin anew.`)
    return await tellMissing(blobs, { config, dataFolder })
  })
}

/** An export, the packages, and on request the master key, in one folder; what lies there already is not copied again. */
export async function backupCommand(
  folder: string,
  { withMasterKey }: { withMasterKey?: boolean },
  environment: Environment,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { blobs } = await writeExport(join(folder, 'ocelli.export'), environment)
  const config = readConfig(environment)
  const dataFolder = resolveDataFolder(thisMachine(environment))
  if (config.blobUrl?.startsWith('s3:')) say('The packages lie in the bucket: back it up by its own means.')
  else {
    const source = await openBlobStore({ blobUrl: config.blobUrl, folder: join(dataFolder, 'blobs'), nowMs: Date.now })
    const target = await openBlobStore({ blobUrl: null, folder: join(folder, 'blobs'), nowMs: Date.now })
    for (const { sha256, size } of blobs)
      if ((await target.size(sha256)) !== size) await target.put(await source.open(sha256), { maxBytes: size })
    say(`Packages in ${join(folder, 'blobs')}: ${blobs.length}.`)
  }
  if (withMasterKey && !config.masterKey) {
    await copyFile(join(dataFolder, 'master.key'), join(folder, 'master.key'))
    say('The master key is in the backup too: whoever has the backup can issue licenses.')
  } else {
    const where = config.masterKey ? 'OCELLI_MASTER_KEY' : join(dataFolder, 'master.key')
    say(
      `THE MASTER KEY IS NOT IN THIS BACKUP. Keep a copy of ${where} apart from it: without it the backup is of no use.`,
    )
  }
}

async function* readLines(file: string): AsyncGenerator<string> {
  const unpacked = unpack(createReadStream(file), createGunzip(), () => {})
  try {
    yield* createInterface({ input: unpacked, crlfDelay: Number.POSITIVE_INFINITY })
  } catch (cause) {
    const code = String((cause as { code?: unknown }).code)
    if (code === 'ENOENT') throw new ConfigError(`There is no file ${file}.`, { cause })
    if (!code.startsWith('Z_')) throw cause
    throw new ExportError('This file is not an export of an Ocelli platform, or it is torn. Nothing was imported.', {
      cause,
    })
  }
}

interface Found {
  config: Config
  dataFolder: string
  connectionString: string
}

/** The operator's database, the running embedded one, or the embedded one started for as long as it takes. */
async function withDatabase<T>(
  environment: Environment,
  { isFresh = false }: { isFresh?: boolean },
  work: (found: Found) => Promise<T>,
): Promise<T> {
  const config = readConfig(environment)
  const machine = thisMachine(environment)
  const dataFolder = resolveDataFolder(machine)
  const running = config.databaseUrl ?? (await findEmbeddedPostgres({ dataFolder, log }))
  if (running) return await work({ config, dataFolder, connectionString: running })
  if (isFresh) await prepareDataFolder(dataFolder, { isPassedThrough: machine.isRoot })
  else if (!(await readMasterKey(dataFolder)) && !config.masterKey)
    throw new ConfigError(`There is no platform in ${dataFolder}. Set OCELLI_HOME to its data folder.`)
  const postgres = await startEmbeddedPostgres({ dataFolder, log, otherMajor: isFresh ? 'ignore' : 'refuse' })
  try {
    return await work({ config, dataFolder, connectionString: postgres.connectionString })
  } finally {
    await postgres.stop()
  }
}

async function tellMissing(
  blobs: ExportHeader['blobs'],
  { config, dataFolder }: Pick<Found, 'config' | 'dataFolder'>,
): Promise<number> {
  const store = await openBlobStore({ blobUrl: config.blobUrl, folder: join(dataFolder, 'blobs'), nowMs: Date.now })
  const missing: string[] = []
  for (const { sha256, size } of blobs) if ((await store.size(sha256)) !== size) missing.push(sha256)
  if (missing.length === 0) return 0
  say(`Missing in the blob store, which must be copied from the exported instance (${missing.length}):`)
  for (const sha256 of missing) say(`  ${sha256}`)
  return 1
}

const markOf = (masterKey: Uint8Array): string =>
  createHmac('sha256', masterKey).update('ocelli export').digest('hex').slice(0, 16)

async function* chain(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first
  yield* rest
}
