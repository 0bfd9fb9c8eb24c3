import { wasNeverSent } from '../errors/network-fault.ts'
import { invalidOptions, type OcelliError } from '../errors/ocelli-error.ts'

/** Bounds of a random wait between two sendings, in milliseconds; `retryDelayMs` says how it is drawn. */
export interface Backoff {
  /** Bound of the first wait; it doubles with each attempt. */
  baseMs: number
  capMs: number
}

/**
 * How long a call goes on sending its request, and how it waits in between; `seconds` and `minutes` are named for what passes
 * so soon.
 */
export interface RetryPolicy {
  /** How often one request is sent at most. 1: never again. */
  maxAttempts: number
  /** Everything together, waits included. */
  deadlineMs: number
  /** Until an answer has arrived, or until the next piece of a stream. */
  attemptTimeoutMs: number
  /** 408, 429 and `idempotency-key-in-use`. */
  seconds: Backoff
  /** 5xx, network faults and answers cut off. */
  minutes: Backoff
}

/** What holds for a client that says nothing: ten sendings within a quarter of an hour. */
export const defaultRetryPolicy: RetryPolicy = {
  maxAttempts: 10,
  deadlineMs: 15 * 60_000,
  attemptTimeoutMs: 60_000,
  seconds: { baseMs: 1000, capMs: 30_000 },
  minutes: { baseMs: 2000, capMs: 5 * 60_000 },
}

/** When a request may be sent again: whatever came of it, or only when it was certainly not carried out. */
export type Repeatable = 'always' | 'if-not-carried-out'

/**
 * How long to wait before the request is sent again; null: give up. What the server asks for is obeyed exactly. Else
 * 408 and 429 wait a second and a random share of a doubling bound; 5xx and network faults a random share of a doubling
 * bound (full jitter), so that a thousand clients do not come back together.
 */
export function retryDelayMs(
  error: OcelliError,
  {
    attempt,
    policy,
    repeatable,
    random,
  }: { attempt: number; policy: RetryPolicy; repeatable: Repeatable; random: () => number },
): number | null {
  if (!error.retryable || attempt >= policy.maxAttempts) return null
  const refusedUnread = error.status === 408 || error.status === 429 || error.code === 'idempotency-key-in-use'
  if (repeatable === 'if-not-carried-out' && !refusedUnread && !wasNeverSent(error)) return null
  if (error.retryAfterMs !== null) return error.retryAfterMs
  const { baseMs, capMs } = refusedUnread ? policy.seconds : policy.minutes
  const jitterMs = Math.round(random() * Math.min(capMs, baseMs * 2 ** (attempt - 1)))
  return refusedUnread ? baseMs + jitterMs : jitterMs
}

/** Options made total once. Throws `invalid-options`. */
export function toRetryPolicy(options: Partial<RetryPolicy> = {}, base: RetryPolicy = defaultRetryPolicy): RetryPolicy {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const policy: RetryPolicy = { ...base, ...given }
  if (!Number.isInteger(policy.maxAttempts) || policy.maxAttempts < 1) {
    throw invalidOptions('retry.maxAttempts must be a whole number of at least 1.')
  }
  for (const name of ['deadlineMs', 'attemptTimeoutMs'] as const) {
    if (!(policy[name] > 0)) throw invalidOptions(`retry.${name} must be more than 0.`)
  }
  for (const { baseMs, capMs } of [policy.seconds, policy.minutes]) {
    if (!(baseMs >= 0) || !(capMs >= 0)) throw invalidOptions('Backoff needs baseMs and capMs of at least 0.')
  }
  return policy
}
