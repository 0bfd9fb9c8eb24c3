import type { AppChange } from '../apps/app-store.ts'
import type { DeviceClock } from '../device-clock.ts'
import type { FaultSet } from '../faults.ts'
import type { Timers } from '../time.ts'
import { createSubscription, type Subscription } from './subscription.ts'

// As announced in tev:Capabilities/@MaxPullPoints.
const maxSubscriptions = 16

/** Hands changes of apps to the pull points there are. */
export interface EventHub {
  publish(change: AppChange): void
  /** Gives null when there are too many. */
  subscribe(options: { lifeMs: number; initial: readonly AppChange[] }): Subscription | null
  find(id: string): Subscription | undefined
  count(): number
  /** Ends all subscriptions, as a loss of power does. */
  reset(): void
}

export interface EventHubOptions {
  faults: FaultSet
  timers: Timers
  clock: DeviceClock
  randomBytes: (size: number) => Buffer
}

export function createEventHub({ faults, timers, clock, randomBytes }: EventHubOptions): EventHub {
  const subscriptions = new Map<string, Subscription>()
  return {
    publish(change) {
      if (faults.get('silentEvents')) return
      for (const subscription of subscriptions.values()) subscription.push(change)
    },
    subscribe({ lifeMs, initial }) {
      if (subscriptions.size >= maxSubscriptions) return null
      const id = randomBytes(8).toString('hex')
      const onEnd = () => subscriptions.delete(id)
      const subscription = createSubscription({ id, lifeMs, timers, clock, onEnd })
      subscriptions.set(id, subscription)
      if (!faults.get('silentEvents')) for (const change of initial) subscription.push(change)
      return subscription
    },
    find: (id) => subscriptions.get(id),
    count: () => subscriptions.size,
    reset() {
      for (const subscription of [...subscriptions.values()]) subscription.end()
    },
  }
}
