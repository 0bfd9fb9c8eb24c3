import type { AppChange } from '../apps/app-store.ts'
import type { DeviceClock } from '../device-clock.ts'
import type { Timers } from '../time.ts'

/** A change with the camera's time at which it happened. */
export interface StampedChange extends AppChange {
  timeMs: number
}

/** One pull point. */
export interface Subscription {
  readonly id: string
  /** In the camera's time. */
  expiresMs(): number
  push(change: AppChange): void
  /** Waits until there is something, or the time is over; then gives at most `limit` changes. */
  pull(options: { timeoutMs: number; limit: number; signal: AbortSignal }): Promise<StampedChange[]>
  /** Lives so long from now on. */
  renew(lifeMs: number): void
  end(): void
}

export interface SubscriptionOptions {
  id: string
  lifeMs: number
  timers: Timers
  clock: DeviceClock
  onEnd: () => void
}

// A client that stays away loses the oldest changes first, as ONVIF allows when a queue is full.
const maxQueued = 500

export function createSubscription(options: SubscriptionOptions): Subscription {
  const { id, timers, clock, onEnd } = options
  const queue: StampedChange[] = []
  let wake: () => void = () => {}
  let lifeMs = options.lifeMs
  let expiresMs = 0
  let cancelExpiry: () => void = () => {}

  function prolong(): void {
    cancelExpiry()
    expiresMs = clock.nowMs() + lifeMs
    cancelExpiry = timers.after(lifeMs, end)
  }

  function end(): void {
    cancelExpiry()
    onEnd()
    wake()
  }

  async function waitForChange(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    // A second pull on one pull point ends the first, so that no change goes to a client that has given up.
    wake()
    wake = resolve
    const cancel = timers.after(timeoutMs, resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
    cancel()
  }

  prolong()
  return {
    id,
    expiresMs: () => expiresMs,
    push(change) {
      queue.push({ ...change, timeMs: clock.nowMs() })
      if (queue.length > maxQueued) queue.shift()
      wake()
    },
    async pull({ timeoutMs, limit, signal }) {
      // Each pull keeps the subscription alive, at least until it is answered.
      lifeMs = Math.max(lifeMs, timeoutMs + 1000)
      prolong()
      if (queue.length === 0 && timeoutMs > 0) await waitForChange(timeoutMs, signal)
      // What is not delivered stays for the next pull.
      if (signal.aborted) return []
      prolong()
      return queue.splice(0, limit)
    },
    renew(newLifeMs) {
      lifeMs = newLifeMs
      prolong()
    },
    end,
  }
}
