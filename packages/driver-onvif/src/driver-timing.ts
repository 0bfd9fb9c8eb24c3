import { setTimeout as delay } from 'node:timers/promises'
import { DriverError } from '@ocelli/driver'

/** How long the driver waits and how often it looks; tests make it short. */
export type DriverTiming = {
  /** Pause between two looks at the camera's list of apps. */
  pollMs: number
  /** An installation that has not ended after this long is given up; the caller's signal usually ends it earlier. */
  installTimeoutMs: number
  /** A camera that took an order to start, stop or remove an app must show it within this. */
  settleTimeoutMs: number
  /** A started app must run this long without stopping by itself. */
  steadyMs: number
  /** Pause between two pulls of events while only hints are wanted. */
  watchPauseMs: number
}

export const DEFAULT_TIMING: DriverTiming = {
  pollMs: 1_000,
  installTimeoutMs: 30 * 60_000,
  settleTimeoutMs: 60_000,
  steadyMs: 3_000,
  watchPauseMs: 5_000,
}

/** Waits; throws `cancelled` when the signal ends the wait. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal })
  } catch (cause) {
    throw new DriverError('cancelled', 'The work on the camera was cancelled.', { cause })
  }
}
