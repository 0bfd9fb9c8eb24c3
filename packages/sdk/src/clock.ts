import { onAbort } from './on-abort.ts'

/** Time as the client uses it. Everything that waits or measures goes through here, so that tests need not wait. */
export interface Clock {
  /** Wall clock, ms since 1970. May jump; only used to read dates that others wrote. */
  nowMs(): number
  /** Never goes back. Deadlines and lifetimes are measured with it. */
  monotonicMs(): number
  /** Resolves after `ms`, or at once, without an error, when the signal aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `run` after `ms`, unless what it gives is called before. For limits, where `wait` is for pauses. */
  after(ms: number, run: () => void): () => void
}

/** A longer timer fires at once (HTML standard, 32-bit milliseconds). */
const longestTimerMs = 2 ** 31 - 1

/** The clock and timers of the machine. A wait ends after 24.8 days at the latest. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = () => {
        clearTimeout(timer)
        forget()
        resolve()
      }
      const timer = setTimeout(done, Math.min(ms, longestTimerMs))
      const forget = onAbort(signal, done)
    }),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, longestTimerMs))
    return () => clearTimeout(timer)
  },
}
