/** Counts refusals per key and says when the next attempt is welcome. */
export interface FailureLimit {
  /** Seconds to wait; null: go ahead. */
  retryAfterSeconds(key: string): number | null
  failed(key: string): void
  /** The right answer clears what was counted. */
  succeeded(key: string): void
}

/** Memory stays bounded by `maxKeys`: the keys that failed longest ago are forgotten first. */
export function createFailureLimit(options: {
  maxFailures: number
  windowMs: number
  maxKeys: number
  nowMs: () => number
}): FailureLimit {
  const { maxFailures, windowMs, maxKeys, nowMs } = options
  const counted = new Map<string, { failures: number; untilMs: number }>()
  const current = (key: string) => {
    const entry = counted.get(key)
    return entry && entry.untilMs > nowMs() ? entry : null
  }
  return {
    retryAfterSeconds(key) {
      const entry = current(key)
      if (!entry || entry.failures < maxFailures) return null
      return Math.max(1, Math.ceil((entry.untilMs - nowMs()) / 1000))
    },
    failed(key) {
      const entry = current(key) ?? { failures: 0, untilMs: nowMs() + windowMs }
      counted.delete(key)
      counted.set(key, { ...entry, failures: entry.failures + 1 })
      if (counted.size > maxKeys) for (const oldest of counted.keys()) return void counted.delete(oldest)
    },
    succeeded: (key) => void counted.delete(key),
  }
}
