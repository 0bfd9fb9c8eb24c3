import { setTimeout as delay } from 'node:timers/promises'

/** Time as an argument. Milliseconds; only differences of `monotonic` mean anything. */
export type DriverClock = {
  monotonic(): number
  /** Time of day, since 1970. */
  now(): number
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** The time of this machine. */
export function createSystemClock(): DriverClock {
  return {
    monotonic: () => performance.now(),
    now: () => Date.now(),
    async sleep(ms, signal) {
      try {
        await delay(ms, undefined, { signal })
      } catch (error) {
        throw signal.aborted ? signal.reason : error
      }
    },
  }
}
