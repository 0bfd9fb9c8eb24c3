import type { Step } from '@ocelli/contract'
import type { Clock } from '../state/clock.ts'

/** The running deadlines and due times of one device's steps. In memory only: a restart gives a begun step its time again. */
export interface StepClocks {
  /** Starts the step's budget unless it is running already; gives what is left of it, in milliseconds. */
  begin(appId: string, run: { revision: number; step: Step; budgetMs: number }): number
  /** Gives the running step a larger budget, counted from its beginning; a smaller one takes nothing back. */
  extend(appId: string, budgetMs: number): void
  get(appId: string): { step: Step; leftMs: number; budgetMs: number } | null
  retryAfter(appId: string, afterMs: number): void
  /** Apps whose next try is not due. */
  backingOff(): ReadonlySet<string>
  /** Milliseconds until the next try is due; null when nothing waits. */
  nextRetryInMs(): number | null
  clear(appId: string): void
  clearAll(): void
}

interface Running {
  revision: number
  step: Step
  beganAtMs: number
  budgetMs: number
  retryAtMs: number
}

export function createStepClocks(clock: Pick<Clock, 'monotonic'>): StepClocks {
  const running = new Map<string, Running>()
  const waits = () => [...running].map(([appId, { retryAtMs }]) => ({ appId, inMs: retryAtMs - clock.monotonic() }))

  return {
    begin(appId, { revision, step, budgetMs }) {
      const nowMs = clock.monotonic()
      const known = running.get(appId)
      const isSame = known?.revision === revision && known.step === step
      const time = isSame ? known : { beganAtMs: nowMs, budgetMs }
      running.set(appId, { ...time, revision, step, retryAtMs: nowMs })
      return time.beganAtMs + time.budgetMs - nowMs
    },
    extend(appId, budgetMs) {
      const known = running.get(appId)
      if (known) known.budgetMs = Math.max(known.budgetMs, budgetMs)
    },
    get(appId) {
      const known = running.get(appId)
      if (!known) return null
      const { step, beganAtMs, budgetMs } = known
      return { step, budgetMs, leftMs: Math.max(0, beganAtMs + budgetMs - clock.monotonic()) }
    },
    retryAfter(appId, afterMs) {
      const known = running.get(appId)
      if (known) known.retryAtMs = clock.monotonic() + afterMs
    },
    backingOff: () => new Set(waits().flatMap(({ appId, inMs }) => (inMs > 0 ? [appId] : []))),
    nextRetryInMs() {
      const due = waits().flatMap(({ inMs }) => (inMs > 0 ? [inMs] : []))
      return due.length === 0 ? null : Math.min(...due)
    },
    clear: (appId) => {
      running.delete(appId)
    },
    clearAll: () => running.clear(),
  }
}
