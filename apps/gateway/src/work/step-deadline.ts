import type { Step } from '@ocelli/contract'
import type { Clock } from '../state/clock.ts'
import { WorkError } from './work-error.ts'

const minuteMs = 60_000
/** The slowest uplink and camera that are waited for; below it a package counts as stuck. */
const slowestBytesPerMs = 65_536 / 1000

/** How long a step may take with all of its tries, in milliseconds. Grows with the size of the package, in bytes. */
export function stepBudgetMs(step: Step, packageSize: number): number {
  switch (step) {
    case 'DOWNLOAD':
      return 5 * minuteMs + packageSize / slowestBytesPerMs
    case 'UPLOAD':
    case 'INSTALL':
      return 10 * minuteMs + packageSize / slowestBytesPerMs
    case 'LICENSE':
      return 2 * minuteMs
    case 'START':
    case 'STOP':
      return 3 * minuteMs
    case 'UNINSTALL':
      return 5 * minuteMs
  }
}

export interface DeadlineOptions {
  clock: Clock
  timeoutMs: number
  /** What is left when the time is over, in milliseconds: a deadline that has been moved meanwhile. */
  leftMs?: () => number
  signal: AbortSignal
  /** What is told when the time is over. */
  timeoutError: () => Error
  /** How long an aborted call may take to come back before it is left behind. */
  graceMs?: number
}

/**
 * Runs a call that ends in time whatever it does: after the deadline, or when the signal aborts, the call gets the grace
 * period to come back and is then left behind. Throws the timeout error or the signal's reason; a call that succeeds
 * within its grace has succeeded.
 */
export async function withDeadline<Result>(
  options: DeadlineOptions,
  call: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { clock, timeoutMs, leftMs = () => 0, signal, timeoutError, graceMs = 2_000 } = options
  signal.throwIfAborted()
  const limit = new AbortController()
  const isOver = new AbortController()
  const bounded = AbortSignal.any([signal, limit.signal])
  const untilOver = async () => {
    for (let ms = timeoutMs; ms > 0; ms = leftMs()) await clock.sleep(ms, isOver.signal)
    limit.abort(timeoutError())
  }
  untilOver().catch(() => undefined)
  const leftBehind = new Promise<never>((_resolve, reject) => {
    bounded.addEventListener(
      'abort',
      () => {
        clock.sleep(graceMs, isOver.signal).then(
          () => reject(new LeftBehindError(bounded.reason)),
          () => undefined,
        )
      },
      { once: true },
    )
  })
  try {
    return await Promise.race([call(bounded), leftBehind])
  } catch (error) {
    if (error instanceof LeftBehindError || !bounded.aborted) throw error
    throw bounded.reason
  } finally {
    isOver.abort()
  }
}

/** The call ignored its signal: it may still be talking to the camera, so its connection must be closed. */
export class LeftBehindError extends Error {
  override readonly name = 'LeftBehindError'

  constructor(reason: unknown) {
    super('A call did not end when it was told to.', { cause: reason })
  }
}

/** What a person is told when a step's time is over. */
export function stepTimeout(step: Step, budgetMs: number): WorkError {
  const detail = `The step ${step} did not end within ${Math.round(budgetMs / minuteMs)} minutes.`
  return new WorkError({ category: 'timeout', code: 'step-timeout', detail, retryable: true })
}
