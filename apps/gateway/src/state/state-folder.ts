import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { temporarySuffix, writeFileAtomic } from './atomic-file.ts'
import { errorCode } from './error-code.ts'
import { GatewayError } from './gateway-error.ts'
import { createSealer } from './sealer.ts'
import { readSecretKey } from './secret-key.ts'

/**
 * One folder that holds everything the gateway must remember.
 * Names are relative paths with `/`, each part of [A-Za-z0-9._-]: `desired/${fileNameOf(deviceId)}.json`.
 */
export interface StateFolder {
  readonly path: string
  /** The parsed file, null when there is none. Throws `state-corrupt`, naming the file, when it is not JSON. */
  readJson(name: string): Promise<unknown>
  /** Durable and atomic when it resolves: a reader or a crash sees the old or the new content, never a part. */
  writeJson(name: string, value: unknown): Promise<void>
  /** Removing what is not there is a success. */
  remove(name: string): Promise<void>
  /** Names below the prefix folder (`desired/`), sorted, without temporary files. */
  list(prefix: string): Promise<string[]>
  /** Encrypts with the folder's key (AES-256-GCM). */
  seal(text: string): string
  /** Throws `state-corrupt` when it was sealed with another key or altered. */
  unseal(text: string): string
}

const abandonedAfterMs = 60 * 60 * 1000

/**
 * Opens the folder, making it (readable by its owner only) when there is none. Several processes may have it open.
 * Throws `state-denied` for one that this user may not use, `state-corrupt`.
 */
export async function openStateFolder(path: string): Promise<StateFolder> {
  const folder = resolve(path)
  const sealer = createSealer(
    await prepare(folder).catch((error: unknown) => {
      throw asAccessError(error, folder)
    }),
  )
  const inOrder = createSerializer()

  return {
    path: folder,
    ...sealer,
    async readJson(name) {
      const file = fileOf(folder, name)
      const text = await readTextIfThere(file)
      if (text === null) return null
      try {
        return JSON.parse(text)
      } catch (cause) {
        throw new GatewayError('state-corrupt', `${file} is not readable JSON. Restore or remove it.`, { cause })
      }
    },
    writeJson(name, value) {
      const file = fileOf(folder, name)
      const text = `${JSON.stringify(value, null, 2)}\n`
      return inOrder(name, async () => {
        await makeFolder(dirname(file))
        await writeFileAtomic(file, text)
      })
    },
    remove: (name) => inOrder(name, () => rm(fileOf(folder, name), { force: true })),
    async list(prefix) {
      const base = prefix.replace(/\/+$/, '')
      const entries = await readdirIfThere(fileOf(folder, base))
      return entries
        .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && !entry.name.endsWith(temporarySuffix))
        .map((entry) => `${base}/${entry.name}`)
        .sort()
    },
  }
}

/** Gives the folder's key. */
async function prepare(folder: string): Promise<Buffer> {
  await makeFolder(folder)
  await sweepTemporaryFiles(folder)
  return await readSecretKey(folder)
}

/** Whoever has run the gateway as a service meets this with the first command typed as somebody else. */
function asAccessError(error: unknown, folder: string): unknown {
  const code = errorCode(error)
  if (['ENOTDIR', 'EEXIST'].includes(code)) {
    return new GatewayError('state-denied', `${folder} is no folder. Name another one with --home.`, { cause: error })
  }
  if (!['EACCES', 'EPERM', 'EROFS'].includes(code)) return error
  const detail = `${folder} cannot be used by this user (${code}). Run this as the user whose gateway it is, or name another folder with --home.`
  return new GatewayError('state-denied', detail, { cause: error })
}

const namePart = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

function fileOf(folder: string, name: string): string {
  const parts = name.split('/')
  if (!parts.every((part) => namePart.test(part))) {
    throw new GatewayError('invalid-input', `"${name}" is no name of a state file.`)
  }
  return join(folder, ...parts)
}

/** Calls for one name run one after the other, in the order they were made. */
function createSerializer(): (name: string, call: () => Promise<void>) => Promise<void> {
  const last = new Map<string, Promise<void>>()
  return (name, call) => {
    const mine = (last.get(name) ?? Promise.resolve()).then(call)
    const settled = mine
      .catch(() => undefined) // told to the caller through `mine`; the next call must run all the same
      .then(() => {
        if (last.get(name) === settled) last.delete(name)
      })
    last.set(name, settled)
    return mine
  }
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
}

/** What a killed process left half-written. Young ones may belong to a process that is alive. */
async function sweepTemporaryFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(temporarySuffix)) continue
    const file = join(entry.parentPath, entry.name)
    const seen = await stat(file).catch(ignoreMissing)
    if (seen && Date.now() - seen.mtimeMs > abandonedAfterMs) await rm(file, { force: true })
  }
}

function ignoreMissing(error: unknown): null {
  if (errorCode(error) === 'ENOENT') return null
  throw error
}

async function readTextIfThere(file: string): Promise<string | null> {
  return await readFile(file, 'utf8').catch(ignoreMissing)
}

async function readdirIfThere(folder: string) {
  return (await readdir(folder, { withFileTypes: true }).catch(ignoreMissing)) ?? []
}
