import { describeError } from '../state/error-code.ts'
import type { Log } from '../state/log.ts'

/** Who wants to hear something. One that fails is told and does not keep the others from hearing. */
export interface Listeners<Value> {
  /** Gives the function that ends it. */
  add(listener: (value: Value) => void): () => void
  tell(value: Value): void
}

export function createListeners<Value>(log: Log): Listeners<Value> {
  const listeners = new Set<(value: Value) => void>()
  return {
    add(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    tell(value) {
      for (const listener of [...listeners]) {
        try {
          listener(value)
        } catch (error) {
          log.error({ error: describeError(error) }, 'A listener failed')
        }
      }
    },
  }
}
