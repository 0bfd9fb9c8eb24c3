import type { Clock } from '../state/clock.ts'

/** A wait that ends early when woken. A call of `wake` while nobody waits ends the next wait at once. */
export interface WakeUp {
  wake(): void
  /** Resolves after `ms` or when woken; rejects with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export function createWakeUp(clock: Clock): WakeUp {
  let bell = new AbortController()
  return {
    wake: () => bell.abort(),
    async wait(ms, signal) {
      signal.throwIfAborted()
      const { signal: rung } = bell
      await clock.sleep(ms, AbortSignal.any([signal, rung])).catch((reason: unknown) => {
        signal.throwIfAborted()
        if (!rung.aborted) throw reason
      })
      if (rung.aborted) bell = new AbortController()
    },
  }
}

/** For loops that end by their signal: swallows its abort and nothing else. */
export const ignoreAbort = (signal: AbortSignal) => (error: unknown) => {
  if (!signal.aborted) throw error
}
