import type { Trouble } from './trouble.ts'

export interface LookoutOptions {
  /** One look at what is to be done; it stops between two pieces of work once the lookout is closed. */
  look: () => Promise<void>
  /** From a hint to the look that it asks for, so that many hints are one look. */
  wakeAfterMs: number
  /** Without a hint: hints may be lost, and other processes give none. */
  lookEveryMs: number
  /** Told of each look that failed or not; the next one comes in its time. */
  trouble: Trouble
}

/** Looks at the database for work, at hints and now and then, never twice at once. */
export interface Lookout {
  readonly isClosed: boolean
  start(): void
  /** A hint. One that comes during a look is followed by another look. */
  wake(): void
  /** Resolves when the look that is under way has ended. */
  close(): Promise<void>
}

/** A lookout that does nothing before `start`. Durations in milliseconds. */
export function createLookout({ look, wakeAfterMs, lookEveryMs, trouble }: LookoutOptions): Lookout {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | null = null
  let isWanted = false
  let isClosed = true

  function begin(): void {
    if (isClosed) return
    isWanted = false
    running = look()
      .then(trouble.passed, trouble.failed)
      .finally(() => {
        running = null
        schedule(isWanted ? wakeAfterMs : lookEveryMs)
      })
  }

  function schedule(afterMs: number): void {
    if (isClosed) return
    clearTimeout(timer)
    timer = setTimeout(begin, afterMs)
  }

  return {
    get isClosed() {
      return isClosed
    },
    start() {
      isClosed = false
      schedule(0)
    },
    wake() {
      if (isWanted) return
      isWanted = true
      if (!running) schedule(wakeAfterMs)
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      await running
    },
  }
}
