import type { Caller } from '../auth/caller.ts'
import { ProblemError } from './problem.ts'

export interface StreamLimits {
  /** Of one person or machine; 0: no limit. */
  perCaller: number
  /** Of one account; 0: no limit. */
  perAccount: number
}

/** Answers that stay open and ask the database again and again: so many at the same time in this process. */
export interface OpenStreams {
  /** Takes a place until the function it gives is called. Throws ProblemError `too-many-requests`. */
  enter(caller: Pick<Caller, 'kind' | 'id' | 'accountId'>): () => void
}

const retryAfterSeconds = 15

export function createOpenStreams({ perCaller, perAccount }: StreamLimits): OpenStreams {
  const open = new Map<string, number>()
  const isFull = (key: string, limit: number) => limit > 0 && (open.get(key) ?? 0) >= limit
  const add = (key: string, change: 1 | -1) => {
    const now = (open.get(key) ?? 0) + change
    if (now > 0) open.set(key, now)
    else open.delete(key)
  }
  return {
    enter({ kind, id, accountId }) {
      const [ofCaller, ofAccount] = [`${kind} ${id}`, `account ${accountId}`]
      if (isFull(ofCaller, perCaller)) throw tooMany(`You have ${perCaller} streams open`)
      if (isFull(ofAccount, perAccount)) throw tooMany(`Your account has ${perAccount} streams open`)
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

const tooMany = (what: string) =>
  new ProblemError('too-many-requests', `${what}, which is the limit. End one, share one among its readers, or poll.`, {
    retryAfterSeconds,
  })
