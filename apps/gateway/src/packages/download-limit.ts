import type { Clock } from '../state/clock.ts'

/** How fast packages are fetched, over all downloads of this gateway together. */
export interface DownloadLimit {
  /** Bytes per second; null: as fast as it goes. Holds for what comes after. */
  set(bytesPerSecond: number | null): void
  /** Resolves when so many bytes may have come. Rejects with the signal's reason. */
  take(bytes: number, signal: AbortSignal): Promise<void>
  /** Time that the limit alone needs for so many bytes, in milliseconds. */
  needsMs(bytes: number): number
}

export function createDownloadLimit(clock: Pick<Clock, 'monotonic' | 'sleep'>): DownloadLimit {
  let perSecond: number | null = null
  /** Until then the line is taken by what has come already. */
  let freeAtMs = 0
  const needsMs = (bytes: number) => (perSecond === null ? 0 : (bytes / perSecond) * 1000)

  return {
    set(bytesPerSecond) {
      if (bytesPerSecond === perSecond) return
      perSecond = bytesPerSecond
      freeAtMs = clock.monotonic()
    },
    async take(bytes, signal) {
      if (perSecond === null) return
      freeAtMs = Math.max(freeAtMs, clock.monotonic()) + needsMs(bytes)
      const waitMs = freeAtMs - clock.monotonic()
      if (waitMs > 0) await clock.sleep(waitMs, signal)
    },
    needsMs,
  }
}
