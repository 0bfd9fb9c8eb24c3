import type { Clock } from '../src/index.ts'

export interface TestClock extends Clock {
  /** Every pause that was asked for, in order. */
  readonly pausesMs: number[]
  /** Lets time pass; what is due by then happens. */
  advance(ms: number): void
  /** The wall clock jumps; time goes on as before. */
  jump(ms: number): void
}

/**
 * Time that passes only when somebody waits. A pause is over at once and moves the time by its length; limits (`after`)
 * come when the time has reached them. With `isManual` pauses too wait for `advance`.
 */
export function createTestClock({ nowMs = Date.UTC(2026, 0, 1), isManual = false } = {}): TestClock {
  let wallMs = nowMs
  let monotonicMs = 1000
  const pausesMs: number[] = []
  const due = new Set<{ atMs: number; run: () => void }>()
  const after: Clock['after'] = (ms, run) => {
    const item = { atMs: monotonicMs + ms, run }
    due.add(item)
    return () => due.delete(item)
  }
  const advance = (ms: number) => {
    monotonicMs += ms
    wallMs += ms
    for (const item of [...due].sort((a, b) => a.atMs - b.atMs)) {
      if (item.atMs > monotonicMs || !due.delete(item)) continue
      item.run()
    }
  }
  return {
    nowMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    after,
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        pausesMs.push(ms)
        const done = () => {
          cancel()
          signal?.removeEventListener('abort', done)
          resolve()
        }
        const cancel = after(ms, done)
        signal?.addEventListener('abort', done, { once: true })
        if (!isManual) setImmediate(() => !signal?.aborted && advance(ms))
      }),
    pausesMs,
    advance,
    jump(ms) {
      wallMs += ms
    },
  }
}
