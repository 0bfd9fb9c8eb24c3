import type { Clock } from '../state/clock.ts'

/** How fast bytes may pass, over all who take from it together. */
export interface RateLimit {
  /** Bytes per second; null: as fast as it goes. Holds at once, also for those who wait. */
  set(bytesPerSecond: number | null): void
  /** Resolves when so many bytes may have passed. Rejects with the signal's reason. */
  take(bytes: number, signal: AbortSignal): Promise<void>
  /** Time that the limit alone needs for so many bytes, in milliseconds. */
  needsMs(bytes: number): number
}

export function createRateLimit(clock: Pick<Clock, 'monotonic' | 'sleep'>): RateLimit {
  let perSecond: number | null = null
  let changed = new AbortController()
  /** Bytes that were asked for, and those of them that had passed at `atMs`. */
  let askedBytes = 0
  let passedBytes = 0
  let atMs = 0

  /** What was left unused is not made good: no more passes than was asked for. */
  function settle(): number {
    const nowMs = clock.monotonic()
    const sinceBytes = perSecond === null ? Number.POSITIVE_INFINITY : ((nowMs - atMs) * perSecond) / 1000
    passedBytes = Math.min(askedBytes, passedBytes + sinceBytes)
    atMs = nowMs
    return passedBytes
  }

  async function waitMs(ms: number, signal: AbortSignal): Promise<void> {
    const { signal: hasChanged } = changed
    await clock.sleep(ms, AbortSignal.any([signal, hasChanged])).catch((reason: unknown) => {
      signal.throwIfAborted()
      if (!hasChanged.aborted) throw reason
    })
  }

  return {
    set(bytesPerSecond) {
      if (bytesPerSecond === perSecond) return
      settle()
      perSecond = bytesPerSecond
      changed.abort()
      changed = new AbortController()
    },
    async take(bytes, signal) {
      settle()
      askedBytes += bytes
      const mine = askedBytes
      // a thousandth of a byte is what is lost in counting
      while (perSecond !== null) {
        const leftBytes = mine - settle()
        if (leftBytes < 0.001) return
        await waitMs((leftBytes / perSecond) * 1000, signal)
      }
    },
    needsMs: (bytes) => (perSecond === null ? 0 : (bytes / perSecond) * 1000),
  }
}
