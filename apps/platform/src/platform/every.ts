import type { Logger } from 'pino'

/** Runs a task again and again, one run at a time, until closed. A failing run is logged and tried again. */
export function every(
  task: { name: string; intervalMs: number; run: () => Promise<unknown> },
  log: Logger,
): { close: () => Promise<void> } {
  let isClosed = false
  let running: Promise<unknown> | null = null
  const timer = setInterval(() => {
    // A run that takes longer than the interval is not followed by a heap of others.
    if (isClosed || running) return
    running = Promise.resolve()
      .then(task.run)
      .catch((err: unknown) => log.error({ err, task: task.name }, 'a periodic task failed; it is tried again'))
      .finally(() => {
        running = null
      })
  }, task.intervalMs)
  return {
    async close() {
      isClosed = true
      clearInterval(timer)
      await running
    },
  }
}
