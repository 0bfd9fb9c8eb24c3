import type { Logger } from 'pino'

/** Runs a task again and again, one run at a time, until closed. A failing run is logged and tried again. */
export function every(
  task: { name: string; intervalMs: number; run: () => Promise<unknown> },
  log: Logger,
): { close: () => Promise<void> } {
  let isClosed = false
  let running: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    running = running
      .then(() => (isClosed ? undefined : task.run()))
      .catch((err: unknown) => log.error({ err, task: task.name }, 'a periodic task failed; it is tried again'))
  }, task.intervalMs)
  return {
    async close() {
      isClosed = true
      clearInterval(timer)
      await running
    },
  }
}
