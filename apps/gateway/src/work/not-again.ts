import type { Clock } from '../state/clock.ts'

/** What is not to be done again for a while. */
export interface NotAgain {
  note(key: string): void
  isOver(key: string): boolean
  /** How many are remembered. */
  readonly size: number
}

/** Forgets what is over: keys come from outside, as many as there are addresses and years. */
export function createNotAgain({ clock, forMs }: { clock: Pick<Clock, 'monotonic'>; forMs: number }): NotAgain {
  // all wait equally long, so the order of noting is the order of their ends
  const endsAtMs = new Map<string, number>()

  function forgetOver(): void {
    for (const [key, endMs] of endsAtMs) {
      if (endMs > clock.monotonic()) return
      endsAtMs.delete(key)
    }
  }

  return {
    note(key) {
      forgetOver()
      endsAtMs.delete(key)
      endsAtMs.set(key, clock.monotonic() + forMs)
    },
    isOver: (key) => (endsAtMs.get(key) ?? Number.NEGATIVE_INFINITY) <= clock.monotonic(),
    get size() {
      return endsAtMs.size
    },
  }
}
