import type { InstallationError } from '@ocelli/contract'

const waitsMs = [2_000, 10_000, 30_000]
/** A camera that reboots or is busy comes back by itself: only the step's deadline ends the waiting. */
const unreachableWaitMs = 5_000
const relapseWaitMs = 2_000

export type NextTry = { kind: 'retry'; afterMs: number } | { kind: 'give-up' }

/** Whether a failed step is tried again, and after how long. `failures` counts this one: 1 for the first. */
export function nextTry(error: Pick<InstallationError, 'category' | 'code' | 'retryable'>, failures: number): NextTry {
  // The planner counts the starts of an app that falls back, and ends them after three.
  if (error.code === 'app-fell-back') return { kind: 'retry', afterMs: relapseWaitMs }
  if (!error.retryable || error.code === 'step-timeout') return { kind: 'give-up' }
  if (error.category === 'device-unreachable') return { kind: 'retry', afterMs: unreachableWaitMs }
  const afterMs = waitsMs[failures - 1]
  return afterMs === undefined ? { kind: 'give-up' } : { kind: 'retry', afterMs }
}
