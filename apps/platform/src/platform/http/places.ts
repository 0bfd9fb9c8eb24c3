import type { Caller } from '../auth/caller.ts'
import type { ProblemError } from './problem.ts'

export interface PlaceLimits {
  /** Of one person, machine or gateway; 0: no limit. */
  perCaller: number
  /** Of one account; 0: no limit. */
  perAccount: number
}

/** What holds something of the process for long: so much of it at the same time. */
export interface Places {
  /** Takes a place until the function it gives is called. Throws what `tooMany` makes. */
  enter(caller: Pick<Caller, 'kind' | 'id' | 'accountId'>): () => void
}

export function createPlaces({
  perCaller,
  perAccount,
  tooMany,
}: PlaceLimits & { tooMany: (whose: 'caller' | 'account', limit: number) => ProblemError }): Places {
  const taken = new Map<string, number>()
  const isFull = (key: string, limit: number) => limit > 0 && (taken.get(key) ?? 0) >= limit
  const add = (key: string, change: 1 | -1) => {
    const now = (taken.get(key) ?? 0) + change
    if (now > 0) taken.set(key, now)
    else taken.delete(key)
  }
  return {
    enter({ kind, id, accountId }) {
      const [ofCaller, ofAccount] = [`${kind} ${id}`, `account ${accountId}`]
      if (isFull(ofCaller, perCaller)) throw tooMany('caller', perCaller)
      if (isFull(ofAccount, perAccount)) throw tooMany('account', perAccount)
      let hasLeft = false
      for (const key of [ofCaller, ofAccount]) add(key, 1)
      return () => {
        if (hasLeft) return
        hasLeft = true
        for (const key of [ofCaller, ofAccount]) add(key, -1)
      }
    },
  }
}
