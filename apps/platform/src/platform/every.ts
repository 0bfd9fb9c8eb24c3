import type { Logger } from 'pino'

/** A process that is restarted more often than a task's interval must still come to it. */
const firstAfterMs = 60_000

/**
 * Runs a task again and again, one run at a time, until closed; the first time after its interval, or a minute where that is
 * shorter. A failing run is logged and tried again.
 */
export function every(
  task: { name: string; intervalMs: number; run: () => Promise<unknown> },
  log: Logger,
): { close: () => Promise<void> } {
  let isClosed = false
  let running: Promise<unknown> | null = null
  function runOnce(): void {
    // A run that takes longer than the interval is not followed by a heap of others.
    if (isClosed || running) return
    running = Promise.resolve()
      .then(task.run)
      .catch((err: unknown) => log.error({ err, task: task.name }, 'a periodic task failed; it is tried again'))
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
