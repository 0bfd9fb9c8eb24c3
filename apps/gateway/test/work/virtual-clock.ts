import type { Clock } from '../../src/state/clock.ts'

/** A clock that stands still until a test moves it; sleepers wake in the order of their time. */
export interface VirtualClock extends Clock {
  /** Lets everything run that needs no time. */
  settle(): Promise<void>
  advance(ms: number): Promise<void>
  /** Jumps from sleeper to sleeper until the condition holds; throws when it does not within `withinMs` of virtual time. */
  until(condition: () => boolean, options?: { withinMs?: number; what?: string }): Promise<void>
}

interface Sleeper {
  atMs: number
  wake: () => void
}

export function createVirtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let elapsedMs = 0
  const sleepers = new Set<Sleeper>()

  const earliest = () =>
    [...sleepers].reduce<Sleeper | null>((first, one) => (first && first.atMs <= one.atMs ? first : one), null)

  async function settle(): Promise<void> {
    for (let turn = 0; turn < 15; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  async function jumpTo(sleeper: Sleeper): Promise<void> {
    elapsedMs = Math.max(elapsedMs, sleeper.atMs)
    sleepers.delete(sleeper)
    sleeper.wake()
    await settle()
  }

  return {
    now: () => startMs + elapsedMs,
    monotonic: () => elapsedMs,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const abort = () => {
          sleepers.delete(sleeper)
          reject(signal.reason)
        }
        const wake = () => {
          signal.removeEventListener('abort', abort)
          resolve()
        }
        const sleeper = { atMs: elapsedMs + ms, wake }
        sleepers.add(sleeper)
        signal.addEventListener('abort', abort, { once: true })
      })
    },
    settle,
    async advance(ms) {
      const endMs = elapsedMs + ms
      await settle()
      for (let next = earliest(); next && next.atMs <= endMs; next = earliest()) await jumpTo(next)
      elapsedMs = endMs
    },
    async until(condition, { withinMs = 30 * 60_000, what = 'the condition' } = {}) {
      const endMs = elapsedMs + withinMs
      await settle()
      while (!condition()) {
        const next = earliest()
        if (!next || next.atMs > endMs) throw new Error(`${what} did not come true within ${withinMs} ms`)
        await jumpTo(next)
      }
    },
  }
}
