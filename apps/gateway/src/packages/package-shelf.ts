import { mkdir, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../state/error-code.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { Log } from '../state/log.ts'
import type { PackageRef } from './package-cache.ts'
import { hashFile } from './package-hash.ts'

/** Room that is left to others: the state of the gateway lies on the same disk and must never fail for a package. */
const spareBytes = 64 * 1024 ** 2

/** The files of the cache: `<sha256>.<format>` are whole, `<sha256>.part` are being downloaded. */
export interface PackageShelf {
  /** The path of a whole, checked file, null when there is none. */
  find(packageRef: PackageRef, signal: AbortSignal): Promise<string | null>
  /** Makes room, and keeps it until `end`. Throws `package-too-large`, `disk-full`. */
  reserve(packageRef: PackageRef): Promise<{ partPath: string; end(): void }>
  /** Turns the checked part into the whole file. */
  place(packageRef: PackageRef): Promise<string>
}

export interface PackageShelfOptions {
  folder: string
  maxBytes: number
  isInUse: (sha256: string) => boolean
  log: Log
}

interface ShelfFile {
  path: string
  sha256: string
  bytes: number
  usedAtMs: number
}

export function createPackageShelf({ folder, maxBytes, isInUse, log }: PackageShelfOptions): PackageShelf {
  /** Checked since this process started, with the time of the last change as we left it: who writes to one moves that. */
  const checked = new Map<string, number>()
  const reserved = new Map<string, number>()
  let turn: Promise<unknown> = Promise.resolve()

  const pathOf = ({ sha256, format }: PackageRef) => join(folder, `${sha256}.${format}`)
  const partOf = ({ sha256 }: PackageRef) => join(folder, `${sha256}.part`)

  async function makeRoom({ sha256, size }: PackageRef): Promise<void> {
    const files = await listFiles(folder)
    let held = files.reduce((sum, file) => sum + file.bytes, 0)
    for (const [other, bytes] of reserved) held += Math.max(0, bytes - bytesOf(files, other))
    const needed = size - bytesOf(files, sha256)
    let isRoomy = await isDiskRoomy(needed)
    for (const file of files.filter((candidate) => !isInUse(candidate.sha256)).sort(byLastUse)) {
      if (held + needed <= maxBytes && isRoomy) break
      await rm(file.path, { force: true })
      log.info({ file: file.path, bytes: file.bytes }, 'A package was removed from the cache to make room')
      held -= file.bytes
      isRoomy = await isDiskRoomy(needed)
    }
    if (held + needed > maxBytes) {
      throw new GatewayError('disk-full', `All of the package cache (${megabytes(maxBytes)}) is in use right now.`)
    }
    if (!isRoomy) {
      throw new GatewayError('disk-full', `${folder} has no room for a package of ${megabytes(size)}. Free some space.`)
    }
  }

  async function isDiskRoomy(needed: number): Promise<boolean> {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize >= needed + spareBytes
  }

  async function noteChecked(path: string): Promise<void> {
    checked.set(path, (await stat(path)).mtimeMs)
  }

  return {
    async find(packageRef, signal) {
      const path = pathOf(packageRef)
      const seen = await stat(path).catch(ignoreMissing)
      if (seen === null) return null
      const isChecked = checked.get(path) === seen.mtimeMs
      if (seen.size === packageRef.size && (isChecked || (await hasHash(path, packageRef.sha256, signal)))) {
        const now = new Date()
        await utimes(path, now, now)
        await noteChecked(path)
        return path
      }
      log.warn({ file: path }, 'A package in the cache is not what it was; it is downloaded again')
      await rm(path, { force: true })
      return null
    },
    async reserve(packageRef) {
      const { sha256, size } = packageRef
      if (size > maxBytes) {
        const detail = `The package is ${megabytes(size)}, the whole cache ${megabytes(maxBytes)}. Give the cache more room.`
        throw new GatewayError('package-too-large', detail)
      }
      const mine = turn.then(async () => {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        await makeRoom(packageRef)
        reserved.set(sha256, size)
      })
      turn = mine.catch(() => undefined) // told to the caller through `mine`
      await mine
      return { partPath: partOf(packageRef), end: () => void reserved.delete(sha256) }
    },
    async place(packageRef) {
      const path = pathOf(packageRef)
      await rename(partOf(packageRef), path)
      await noteChecked(path)
      return path
    },
  }
}

const byLastUse = (a: ShelfFile, b: ShelfFile) => a.usedAtMs - b.usedAtMs
const bytesOf = (files: ShelfFile[], sha256: string) => files.find((file) => file.sha256 === sha256)?.bytes ?? 0
const megabytes = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MB`

async function hasHash(path: string, sha256: string, signal: AbortSignal): Promise<boolean> {
  return (await hashFile(path, signal)).digest('hex') === sha256
}

async function listFiles(folder: string): Promise<ShelfFile[]> {
  const files: ShelfFile[] = []
  for (const name of await readdir(folder)) {
    const [, sha256] = /^([0-9a-f]{64})\.(?:apk|eap|part)$/.exec(name) ?? []
    if (sha256 === undefined) continue
    const path = join(folder, name)
    const seen = await stat(path).catch(ignoreMissing)
    if (seen) files.push({ path, sha256, bytes: seen.size, usedAtMs: seen.mtimeMs })
  }
  return files
}

function ignoreMissing(error: unknown): null {
  if (errorCode(error) === 'ENOENT') return null
  throw error
}
