import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import type { HttpResponse } from '../platform/http-client.ts'
import type { PlatformApi } from '../platform/platform-api.ts'
import { asDiskError } from '../state/atomic-file.ts'
import type { Clock } from '../state/clock.ts'
import { describeError, errorCode } from '../state/error-code.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { Log } from '../state/log.ts'
import type { PackageRef } from './package-cache.ts'
import { hashFile } from './package-hash.ts'

export interface DownloadOptions {
  source: Pick<PlatformApi, 'packageSource' | 'openPackage'>
  clock: Clock
  random: () => number
  log: Log
  /** Resolves when so many bytes may have come. */
  limit: { take: (bytes: number) => Promise<void> }
  signal: AbortSignal
  onBytes: (bytes: number) => void
}

/** Tries in a row that brought no byte. */
const maxFruitlessTries = 5
const firstWaitMs = 1_000
const maxWaitMs = 30_000

/**
 * Leaves the whole, checked and synced package at `path`, going on where an earlier try or process stopped. The URL is
 * asked afresh for each try, since it is short-lived. A wrong checksum is answered by one download from the start.
 */
export async function downloadPackage(packageRef: PackageRef, path: string, options: DownloadOptions): Promise<void> {
  const { clock, random, log, signal } = options
  let fruitlessTries = 0
  let corruptions = 0
  for (;;) {
    let hasGained = false
    const onGain = () => {
      hasGained = true
    }
    try {
      return await tryOnce(packageRef, path, { ...options, onGain })
    } catch (thrown) {
      signal.throwIfAborted()
      const error = asDiskError(thrown, path)
      if (error instanceof GatewayError && error.code === 'disk-full') await rm(path, { force: true })
      if (!(error instanceof GatewayError) || !error.retryable || error.code === 'disk-full') throw error
      if (error.code === 'package-corrupt') {
        corruptions += 1
        if (corruptions === 2) throw error
      } else fruitlessTries = hasGained ? 0 : fruitlessTries + 1
      if (fruitlessTries === maxFruitlessTries) throw error
      log.warn({ packageId: packageRef.packageId, error: describeError(error) }, 'A download broke off; it goes on')
    }
    const ceilingMs = Math.min(maxWaitMs, firstWaitMs * 2 ** fruitlessTries)
    await clock.sleep(ceilingMs * (0.5 + random() / 2), signal)
  }
}

interface TryOptions extends DownloadOptions {
  onGain: () => void
}

async function tryOnce(packageRef: PackageRef, path: string, options: TryOptions): Promise<void> {
  const { size, sha256 } = packageRef
  const part = await openPart(path, options.signal)
  try {
    // Longer than the package can be: left by something else.
    if (part.bytes > size) await restart(part)
    if (part.bytes < size) await fetchRest(part, packageRef, options)
    options.onBytes(part.bytes)
    if (part.bytes === size && part.hash.digest('hex') === sha256) return await part.handle.sync()
  } finally {
    await part.handle.close()
  }
  await rm(path, { force: true })
  throw new GatewayError('package-corrupt', 'The downloaded package does not have the checksum that was announced.')
}

/** What is on the disk already, and its hash. */
interface Part {
  handle: FileHandle
  bytes: number
  hash: Hash
}

async function openPart(path: string, signal: AbortSignal): Promise<Part> {
  const handle = await open(path, 'r+').catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error
    return open(path, 'wx+', 0o600)
  })
  try {
    const { size } = await handle.stat()
    return { handle, bytes: size, hash: await hashFile(path, signal) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function restart(part: Part): Promise<void> {
  await part.handle.truncate(0)
  part.bytes = 0
  part.hash = createHash('sha256')
}

async function fetchRest(part: Part, packageRef: PackageRef, options: TryOptions): Promise<void> {
  const { signal, source, limit, onBytes, onGain } = options
  const offer = await askForSource(packageRef, options)
  const response = await source.openPackage(offer, { from: part.bytes, signal })
  try {
    await agreeOnStart(response, part)
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      if (part.bytes + chunk.length > packageRef.size) return void (await restart(part))
      await part.handle.write(chunk, 0, chunk.length, part.bytes)
      part.hash.update(chunk)
      part.bytes += chunk.length
      onGain()
      onBytes(part.bytes)
      // not read on: the connection's own flow control holds the platform back
      await limit.take(chunk.length)
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof GatewayError || isDiskFull(error)) throw error
    throw new GatewayError('platform-unreachable', `The download broke off: ${describeError(error)}.`, { cause: error })
  } finally {
    response.body.destroy()
  }
  if (part.bytes < packageRef.size) throw new GatewayError('platform-unreachable', 'The download ended too early.')
}

const isDiskFull = (error: unknown) => asDiskError(error, '') !== error

async function askForSource(packageRef: PackageRef, { source, signal }: DownloadOptions) {
  try {
    const offer = await source.packageSource(packageRef.packageId, signal)
    if (offer.sha256 === packageRef.sha256 && offer.size === packageRef.size) return offer
    throw new GatewayError('package-unavailable', 'The platform no longer offers the package that was asked for.')
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'platform-refused') throw error
    throw new GatewayError('package-unavailable', error.message, { cause: error })
  }
}

/** Where the answer begins: at what we have (206), or at the start when the server knows no ranges (200). */
async function agreeOnStart({ status, headers }: HttpResponse, part: Part): Promise<void> {
  if (status === 200) return part.bytes === 0 ? undefined : await restart(part)
  if (status === 206) {
    const [, start] = /^bytes (\d+)-/.exec(headers['content-range'] ?? '') ?? []
    if (Number(start) === part.bytes) return
  }
  if (status === 206 || status === 416) {
    await restart(part)
    throw new GatewayError('bad-reply', 'The server sent another part of the package than was asked for.')
  }
  if (status === 404 || status === 410) {
    throw new GatewayError('package-unavailable', `The package is not where the platform says (${status}).`)
  }
  // 401 and 403 too: a short-lived URL may have ended on the way; the next try has a fresh one.
  throw new GatewayError('platform-unreachable', `The server answered ${status} instead of the package.`)
}
