import type { Logger } from 'pino'
import { createTrouble } from './trouble.ts'

/** A process that is restarted more often than a task's interval must still come to it. */
const firstAfterMs = 60_000

/**
 * Runs a task again and again, one run at a time, until closed; the first time after its interval, or a minute where that is
 * shorter. A failing run is tried again; that it fails is logged once, until it works again.
 */
export function every(
  task: { name: string; intervalMs: number; run: () => Promise<unknown> },
  log: Logger,
): { close: () => Promise<void> } {
  const trouble = createTrouble(log, 'a periodic task', { task: task.name })
  let isClosed = false
  let running: Promise<unknown> | null = null
  function runOnce(): void {
    // A run that takes longer than the interval is not followed by a heap of others.
    if (isClosed || running) return
    running = Promise.resolve()
      .then(task.run)
      .then(trouble.passed, trouble.failed)
      .finally(() => {
        running = null
      })
  }
  const soon = task.intervalMs > firstAfterMs ? setTimeout(runOnce, firstAfterMs) : undefined
  const timer = setInterval(runOnce, task.intervalMs)
  return {
    async close() {
      isClosed = true
      clearTimeout(soon)
      clearInterval(timer)
      await running
    },
  }
}
