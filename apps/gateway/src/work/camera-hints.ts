import { type Driver, DriverError } from '@ocelli/driver'
import type { Clock } from '../state/clock.ts'
import type { Log } from '../state/log.ts'

const resumeAfterMs = 60_000

export interface HintOptions {
  driver: Driver
  clock: Clock
  signal: AbortSignal
  onHint: () => void
  onError: (error: unknown) => Promise<void>
  log: Log
}

/**
 * Listens to a camera's hints until the signal ends it. Hints only wake the worker, so a lost one costs a minute; broken
 * listening is resumed after a minute, but never after a refused login.
 */
export async function followHints({ driver, clock, signal, onHint, onError, log }: HintOptions): Promise<void> {
  while (!signal.aborted) {
    try {
      const hints = driver.watch({ signal })
      if (!hints) return
      for await (const _hint of hints) onHint()
    } catch (error) {
      if (signal.aborted) return
      log.debug({ err: error }, 'Listening to a camera broke off')
      await onError(error).catch((failure: unknown) => log.error({ err: failure }, 'A refused login was not noted'))
      if (error instanceof DriverError && error.code === 'credentials-refused') return
    }
    await clock.sleep(resumeAfterMs, signal).catch(() => undefined)
  }
}
