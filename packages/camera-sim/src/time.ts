/** Time as the simulator sees it. Tests hand in `createManualTime`, everything else `systemTime`. */
export interface SimTime {
  /** Milliseconds since 1970. */
  nowMs(): number
  /** Runs a task once, later; the function it gives cancels that. */
  after(delayMs: number, task: () => void): () => void
}

// setTimeout fires at once for more than 2^31 - 1 ms.
const longestTimerMs = 2 ** 31 - 1

export const systemTime: SimTime = {
  nowMs: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.min(Math.max(delayMs, 0), longestTimerMs))
    return () => clearTimeout(timer)
  },
}

export interface ManualTime extends SimTime {
  /** Moves on, running what falls due on the way in its order. */
  advance(deltaMs: number): void
  /** How many tasks are still to run. */
  waiting(): number
}

/** A clock that stands still until it is advanced. */
export function createManualTime(startMs: number): ManualTime {
  let nowMs = startMs
  const pending = new Set<{ dueMs: number; task: () => void }>()

  const nextDue = (untilMs: number) =>
    [...pending].filter((entry) => entry.dueMs <= untilMs).sort((one, other) => one.dueMs - other.dueMs)[0]

  return {
    nowMs: () => nowMs,
    after(delayMs, task) {
      const entry = { dueMs: nowMs + Math.max(delayMs, 0), task }
      pending.add(entry)
      return () => pending.delete(entry)
    },
    advance(deltaMs) {
      const untilMs = nowMs + deltaMs
      for (let entry = nextDue(untilMs); entry !== undefined; entry = nextDue(untilMs)) {
        pending.delete(entry)
        nowMs = entry.dueMs
        entry.task()
      }
      nowMs = untilMs
    },
    waiting: () => pending.size,
  }
}

/** The timers of one camera: a reboot or shutdown cancels them together. */
export interface Timers {
  after(delayMs: number, task: () => void): () => void
  cancelAll(): void
}

export function createTimers(time: SimTime): Timers {
  const cancels = new Set<() => void>()
  return {
    after(delayMs, task) {
      const forget = () => {
        cancels.delete(forget)
        cancel()
      }
      const cancel = time.after(delayMs, () => {
        cancels.delete(forget)
        task()
      })
      cancels.add(forget)
      return forget
    },
    cancelAll() {
      for (const cancel of [...cancels]) cancel()
    },
  }
}

/** Resolves after the delay; rejects with the signal's reason when that comes first. */
export function waitMs(delayMs: number, options: { time: SimTime; signal: AbortSignal }): Promise<void> {
  const { time, signal } = options
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => {
      cancel()
      reject(signal.reason)
    }
    const cancel = time.after(delayMs, () => {
      signal.removeEventListener('abort', abort)
      resolve()
    })
    signal.addEventListener('abort', abort, { once: true })
  })
}
