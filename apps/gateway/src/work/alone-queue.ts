import { GatewayError } from '../state/gateway-error.ts'

/** Jobs that need a camera for themselves; its worker runs them between two of its turns. */
export interface AloneQueue {
  /** What the job gives; throws `not-found` when the worker ended before. */
  run<Result>(job: () => Promise<Result>): Promise<Result>
  /** Runs those that wait. Never throws. */
  work(): Promise<void>
  end(): void
}

interface Waiting {
  begin: () => Promise<void>
  giveUp: (error: Error) => void
}

/** `prepare` makes room before each job; `wake` ends the worker's rest. */
export function createAloneQueue({ prepare, wake }: { prepare: () => Promise<void>; wake: () => void }): AloneQueue {
  const waiting: Waiting[] = []
  let ended: Error | null = null

  return {
    run(job) {
      return new Promise((resolve, reject) => {
        if (ended) return reject(ended)
        waiting.push({ begin: () => prepare().then(job).then(resolve, reject), giveUp: reject })
        wake()
      })
    },
    async work() {
      for (let next = waiting.shift(); next; next = waiting.shift()) await next.begin()
    },
    end() {
      const error = new GatewayError('not-found', 'This gateway no longer works on the camera.')
      ended = error
      for (const { giveUp } of waiting.splice(0)) giveUp(error)
    },
  }
}
