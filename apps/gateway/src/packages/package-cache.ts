import type { DesiredApp } from '@ocelli/contract'
import type { LocalPackage } from '@ocelli/driver'
import { GatewayError } from '../state/gateway-error.ts'
import { type DownloadOptions, downloadPackage } from './package-download.ts'
import { createPackageShelf, type PackageShelf } from './package-shelf.ts'
import { createSiteRates } from './site-rates.ts'

export type PackageRef = NonNullable<DesiredApp['package']>

interface PackageRequest {
  appId: string
  /** Of the camera that wants it: the download keeps to what this site allows. */
  siteId: string
  signal: AbortSignal
  /** Bytes here so far, of `package.size`. */
  onProgress?: (progress: { bytes: number; percent: number }) => void
}

/**
 * Packages on the gateway's disk: downloaded once however many cameras ask, resumed after a break, checked against SHA-256.
 * Errors are GatewayError: `package-corrupt`, `package-unavailable`, `package-too-large`, `disk-full`,
 * `platform-unreachable`, `timeout`.
 */
export interface PackageCache {
  /** A checked file, kept on disk until it is released. When aborted, throws the signal's reason. */
  acquire(packageRef: PackageRef, request: PackageRequest): Promise<PackageLease>
  /** How fast packages are fetched for sites from now on, in bytes per second; for others as fast as it goes. */
  limitDownloads(rates: ReadonlyMap<string, number>): void
  /** Time that this limit alone needs for a package of so many bytes, in milliseconds. */
  limitNeedsMs(siteId: string, bytes: number): number
  /** Ends running downloads; what they have stays on the disk for the next start. */
  close(): Promise<void>
}

export interface PackageLease {
  readonly localPackage: LocalPackage
  /** Call once the camera has taken it; more than once is harmless. */
  release(): void
}

export interface PackageCacheOptions extends Pick<DownloadOptions, 'source' | 'clock' | 'random' | 'log'> {
  /** Absolute; made when there is none. */
  folder: string
  maxBytes: number
}

export const defaultCacheBytes = 10 * 1024 ** 3

/** One download however many wait for it. */
interface Entry {
  users: number
  job: { file: Promise<string>; abort: AbortController; waiting: number } | null
  listeners: Set<(bytes: number) => void>
  /** Of those who wait. */
  siteIds: string[]
  bytes: number
}

export function createPackageCache(options: PackageCacheOptions): PackageCache {
  const entries = new Map<string, Entry>()
  const shelf = createPackageShelf({ ...options, isInUse: (sha256) => (entries.get(sha256)?.users ?? 0) > 0 })
  const closing = new AbortController()
  const rates = createSiteRates(options.clock)

  function entryOf(sha256: string): Entry {
    const entry = entries.get(sha256) ?? { users: 0, job: null, listeners: new Set(), siteIds: [], bytes: 0 }
    entries.set(sha256, entry)
    return entry
  }

  function leave(sha256: string, entry: Entry): void {
    entry.users -= 1
    if (entry.users === 0 && !entry.job) entries.delete(sha256)
  }

  function startJob(packageRef: PackageRef, entry: Entry): NonNullable<Entry['job']> {
    const abort = new AbortController()
    const signal = AbortSignal.any([abort.signal, closing.signal])
    const onBytes = (bytes: number) => {
      entry.bytes = bytes
      for (const listener of entry.listeners) listener(bytes)
    }
    const limit = { take: (bytes: number) => rates.take(bytes, { siteIds: entry.siteIds, signal }) }
    const file = fetchToShelf(packageRef, { ...options, shelf, limit, signal, onBytes }).finally(() => {
      entry.job = null
      entry.bytes = 0
      if (entry.users === 0) entries.delete(packageRef.sha256)
    })
    file.catch(() => undefined) // told to each who waits; when all have left, to nobody
    entry.job = { file, abort, waiting: 0 }
    return entry.job
  }

  async function fileOf(packageRef: PackageRef, entry: Entry, request: PackageRequest): Promise<string> {
    const { signal, onProgress } = request
    // A job whose waiters have all left is ending: the next one starts when it is gone, since both write one file.
    while (entry.job?.abort.signal.aborted) await entry.job.file.catch(() => undefined)
    signal.throwIfAborted()
    const job = entry.job ?? startJob(packageRef, entry)
    const listener = createProgressListener(packageRef.size, onProgress)
    entry.listeners.add(listener)
    listener(entry.bytes)
    job.waiting += 1
    entry.siteIds = [...entry.siteIds, request.siteId]
    try {
      return await untilAborted(job.file, signal)
    } finally {
      entry.listeners.delete(listener)
      entry.siteIds = entry.siteIds.toSpliced(entry.siteIds.indexOf(request.siteId), 1)
      job.waiting -= 1
      if (job.waiting === 0 && entry.job === job) job.abort.abort(new GatewayError('cancelled', 'Nobody waits for it.'))
    }
  }

  return {
    async acquire(packageRef, request) {
      request.signal.throwIfAborted()
      const { sha256, size, format, version, versionCode } = packageRef
      const entry = entryOf(sha256)
      entry.users += 1
      try {
        const path = await fileOf(packageRef, entry, request)
        return createLease({ path, size, format, appId: request.appId, version, versionCode }, () =>
          leave(sha256, entry),
        )
      } catch (error) {
        leave(sha256, entry)
        throw error
      }
    },
    limitDownloads: rates.set,
    limitNeedsMs: rates.needsMs,
    async close() {
      closing.abort(new GatewayError('cancelled', 'The gateway is stopping.'))
      const jobs = [...entries.values()].map(({ job }) => job?.file)
      await Promise.allSettled(jobs)
    },
  }
}

async function fetchToShelf(
  packageRef: PackageRef,
  options: DownloadOptions & { shelf: PackageShelf },
): Promise<string> {
  const { shelf, signal } = options
  const ready = await shelf.find(packageRef, signal)
  if (ready !== null) return ready
  const reservation = await shelf.reserve(packageRef)
  try {
    await downloadPackage(packageRef, reservation.partPath, options)
    return await shelf.place(packageRef)
  } finally {
    reservation.end()
  }
}

function createLease(localPackage: LocalPackage, onRelease: () => void): PackageLease {
  let isHeld = true
  return {
    localPackage,
    release() {
      if (isHeld) onRelease()
      isHeld = false
    },
  }
}

/** Tells each whole percent once; a chunk is too small to be worth a report. */
function createProgressListener(size: number, onProgress: PackageRequest['onProgress']): (bytes: number) => void {
  let told = -1
  return (bytes) => {
    const percent = size === 0 ? 100 : Math.min(100, Math.floor((bytes / size) * 100))
    if (percent <= told) return
    told = percent
    onProgress?.({ bytes, percent })
  }
}

function untilAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}
