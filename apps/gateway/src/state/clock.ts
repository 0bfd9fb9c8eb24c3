import { setTimeout as wait } from 'node:timers/promises'

/** Time as an argument. Nothing is ordered by the wall clock; waits and deadlines use the monotonic one. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Milliseconds since some fixed moment, never going back. */
  monotonic(): number
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** Node's timers end at once when they are to take longer; the deadline of an upload over a narrow line can. */
const longestTimerMs = 2_147_483_647

export const createSystemClock = (): Clock => ({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    try {
      let leftMs = ms
      for (; leftMs > longestTimerMs; leftMs -= longestTimerMs) await wait(longestTimerMs, undefined, { signal })
      await wait(leftMs, undefined, { signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    }
  },
})

/** The same wait, ending quietly when the signal aborts. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
