/** What came of an attempt: the wrong answer, the right one, or nothing that says either. */
export type AttemptEnd = 'refused' | 'right' | 'neither'

export interface Attempt {
  /** Must be said once. The right answer clears what was counted. */
  end(how: AttemptEnd): void
}

/** Counts refusals per key and says when the next attempt is welcome. */
export interface FailureLimit {
  /**
   * Seconds to wait, or the attempt. No more attempts are under way at the same time than may still fail: another waits
   * for one of those to end, or many that come at once would all be judged before the first is counted.
   */
  begin(key: string): Promise<number | Attempt>
}

interface Entry {
  failures: number
  /** Of the first failure's window. */
  untilMs: number
  underWay: number
  wake: PromiseWithResolvers<void>
}

/** Memory stays bounded by `maxKeys`, beside those under way: the keys that failed longest ago are forgotten first. */
export function createFailureLimit(options: {
  maxFailures: number
  windowMs: number
  maxKeys: number
  nowMs: () => number
}): FailureLimit {
  const { maxFailures, windowMs, maxKeys, nowMs } = options
  const entries = new Map<string, Entry>()

  function entryOf(key: string): Entry {
    const entry = entries.get(key) ?? { failures: 0, untilMs: 0, underWay: 0, wake: Promise.withResolvers<void>() }
    if (entry.untilMs <= nowMs()) entry.failures = 0
    entries.set(key, entry)
    return entry
  }

  function end(key: string, entry: Entry, how: AttemptEnd): void {
    entry.underWay -= 1
    if (how === 'right' || entry.untilMs <= nowMs()) entry.failures = 0
    if (how === 'refused') {
      if (entry.failures === 0) entry.untilMs = nowMs() + windowMs
      entry.failures += 1
      entries.delete(key)
      entries.set(key, entry)
    }
    if (entry.failures === 0 && entry.underWay === 0) entries.delete(key)
    forgetOldest()
    entry.wake.resolve()
    entry.wake = Promise.withResolvers<void>()
  }

  function forgetOldest(): void {
    if (entries.size <= maxKeys) return
    for (const [key, { underWay }] of entries) if (underWay === 0) return void entries.delete(key)
  }

  return {
    async begin(key) {
      for (;;) {
        const entry = entryOf(key)
        if (entry.failures >= maxFailures) return Math.max(1, Math.ceil((entry.untilMs - nowMs()) / 1000))
        if (entry.failures + entry.underWay < maxFailures) {
          entry.underWay += 1
          return { end: (how) => end(key, entry, how) }
        }
        await entry.wake.promise
      }
    },
  }
}
