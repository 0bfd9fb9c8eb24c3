import type { Clock } from '../clock.ts'
import { cancelled, OcelliError } from '../errors/ocelli-error.ts'
import { onAbort } from '../on-abort.ts'

/** Ends one attempt: by the caller's signal, or when nothing has come for too long. */
export interface Gate {
  readonly signal: AbortSignal
  /** Starts the time anew; null: no limit. */
  restart(timeoutMs: number | null): void
  /** What the promise gives, or the gate's reason as soon as it shuts. */
  race<Value>(promise: Promise<Value>): Promise<Value>
  /** Lets go of the caller's signal and of the timer. */
  close(): void
}

/** `abort.reason` of the gate's signal is an OcelliError of kind `cancelled` or `timeout`. */
export function openGate({ clock, signal }: { clock: Clock; signal: AbortSignal | undefined }): Gate {
  const gate = new AbortController()
  let stopTimer = () => {}
  const forget = onAbort(signal, () => {
    if (signal) gate.abort(cancelled(signal))
  })
  return {
    signal: gate.signal,
    restart(timeoutMs) {
      stopTimer()
      if (timeoutMs === null || gate.signal.aborted) return
      stopTimer = clock.after(timeoutMs, () => gate.abort(tooSlow(timeoutMs)))
    },
    async race(promise) {
      if (gate.signal.aborted) {
        promise.catch(() => undefined)
        throw gate.signal.reason
      }
      let forgetShut = () => {}
      const shut = new Promise<never>((_, reject) => {
        forgetShut = onAbort(gate.signal, () => reject(gate.signal.reason))
      })
      try {
        return await Promise.race([promise, shut])
      } finally {
        forgetShut()
      }
    },
    close() {
      stopTimer()
      forget()
    },
  }
}

function tooSlow(timeoutMs: number): OcelliError {
  return new OcelliError(`Nothing was received for ${timeoutMs / 1000} s.`, {
    ...{ kind: 'timeout', code: 'attempt-timeout', retryable: true },
  })
}
