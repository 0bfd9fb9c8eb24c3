import type { Authorization, Authorizer } from '../auth/authorizer.ts'
import type { Clock } from '../clock.ts'
import { networkFault } from '../errors/network-fault.ts'
import { cancelled, isOcelliError, OcelliError } from '../errors/ocelli-error.ts'
import { answerError } from '../errors/problem-error.ts'
import { openGate } from './gate.ts'
import { type OpenResponse, readText } from './read-body.ts'
import { type Repeatable, type RetryPolicy, retryDelayMs } from './retry-policy.ts'

/** One sending of a request, as the `onAttempt` hook is told. Holds no credentials and no bodies. */
export interface Attempt {
  /** Verb and path template, such as `GET /device/v1/devices/{deviceId}`. */
  route: string
  url: string
  /** From 1. */
  number: number
  durationMs: number
  status: number | null
  requestId: string | null
  error: OcelliError | null
  /** How long it waits before the next attempt; null: this was the last. */
  retryInMs: number | null
}

export interface RequestBody {
  /** Called for each attempt. */
  make: () => NonNullable<RequestInit['body']>
  /** A stream that is gone once it was sent. */
  isOneShot: boolean
}

/** Everything about one call but what to do with its answer. */
export interface Plan {
  route: string
  method: string
  url: string
  headers: Record<string, string>
  body: RequestBody | null
  repeatable: Repeatable
  authorizer: Authorizer
  policy: RetryPolicy
  signal?: AbortSignal
  followsRedirects: boolean
  /** Statuses that are no error beside 2xx. */
  accepts: readonly number[]
}

export interface EngineOptions {
  fetch: typeof fetch
  clock: Clock
  random: () => number
  onAttempt: (attempt: Attempt) => void
}

/**
 * Sends until an answer is taken, nothing more can come of it, or the deadline. `take` reads the answer; with `keeps`
 * it also closes the gate, because it goes on reading after it has returned.
 */
export interface Engine {
  run<Value>(plan: Plan, take: (open: OpenResponse) => Promise<Value>, options?: { keeps: boolean }): Promise<Value>
  readonly clock: Clock
  readonly random: () => number
}

/** Of an error's body; problems have a few hundred. */
const maxProblemBytes = 64 * 1024

export function createEngine({ fetch, clock, random, onAttempt }: EngineOptions): Engine {
  /** One sending. Gives the value, or throws an OcelliError. */
  async function attempt<Value>(plan: Plan, sending: Sending<Value>): Promise<Value> {
    const { policy, url } = plan
    const gate = openGate({ clock, signal: plan.signal })
    let isKept = false
    try {
      // getting a token has its own attempts and their timeouts
      gate.restart(sending.remainingMs)
      const authorization = await gate.race(plan.authorizer.authorize(gate.signal))
      sending.authorization = authorization
      gate.restart(Math.min(policy.attemptTimeoutMs, sending.remainingMs))
      const response = await gate.race(send(plan, authorization.headers, gate.signal)).catch((thrown: unknown) => {
        if (gate.signal.aborted) throw gate.signal.reason
        throw isOcelliError(thrown) ? thrown : networkFault(thrown, url)
      })
      sending.response = response
      plan.authorizer.answered(response)
      const open = { response, gate, url, idleTimeoutMs: Math.min(policy.attemptTimeoutMs, sending.remainingMs) }
      if (!response.ok && !plan.accepts.includes(response.status)) {
        const text = await readText(open, maxProblemBytes).catch(() => '')
        if (plan.signal?.aborted) throw cancelled(plan.signal)
        throw answerError(response, text, clock.nowMs())
      }
      const value = await sending.take(open)
      isKept = sending.keeps
      return value
    } finally {
      if (!isKept) gate.close()
    }
  }

  async function send(plan: Plan, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const { method, url, authorizer, body, followsRedirects } = plan
    const init: RequestInit & { duplex?: 'half' } = {
      ...{ method, signal, headers: { ...plan.headers, ...headers }, credentials: authorizer.cookies },
      ...{ redirect: followsRedirects ? 'follow' : 'manual', cache: 'no-store' },
      // a stream as body needs to say so
      ...(body ? { body: body.make(), duplex: 'half' as const } : {}),
    }
    return await fetch(url, init)
  }

  return {
    ...{ clock, random },
    async run<Value>(plan: Plan, take: (open: OpenResponse) => Promise<Value>, { keeps } = { keeps: false }) {
      const endsAtMs = clock.monotonicMs() + plan.policy.deadlineMs
      let mayRenew = true
      for (let number = 1; ; number++) {
        const startedMs = clock.monotonicMs()
        const sending: Sending<Value> = {
          ...{ take, keeps, remainingMs: endsAtMs - startedMs, response: null, authorization: null },
        }
        const report = (error: OcelliError | null, retryInMs: number | null) =>
          onAttempt({
            ...{ route: plan.route, url: plan.url, number, durationMs: clock.monotonicMs() - startedMs },
            status: sending.response?.status ?? error?.status ?? null,
            requestId: sending.response?.headers.get('x-request-id') ?? error?.requestId ?? null,
            ...{ error, retryInMs },
          })
        try {
          const value = await attempt(plan, sending)
          report(null, null)
          return value
        } catch (thrown) {
          if (!isOcelliError(thrown)) throw thrown
          const remainingMs = endsAtMs - clock.monotonicMs()
          const error =
            remainingMs <= 0 && thrown.code === 'attempt-timeout' ? pastDeadline(plan.policy, thrown) : thrown
          error.attempts = number
          // without a token nothing was sent, and getting one was tried often enough
          if (sending.authorization === null) throw error
          const isRenewed = mayRenew && error.status === 401 && plan.authorizer.refused(sending.authorization)
          if (isRenewed) mayRenew = false
          const delayMs = isRenewed ? 0 : retryDelayMs(error, { ...plan, attempt: number, random })
          const isLast = delayMs === null || delayMs >= remainingMs || plan.body?.isOneShot === true
          report(error, isLast ? null : delayMs)
          if (isLast) throw error
          await clock.wait(delayMs, plan.signal)
          if (plan.signal?.aborted) throw Object.assign(cancelled(plan.signal), { attempts: number })
        }
      }
    },
  }
}

interface Sending<Value> {
  take: (open: OpenResponse) => Promise<Value>
  keeps: boolean
  remainingMs: number
  response: Response | null
  authorization: Authorization | null
}

function pastDeadline({ deadlineMs }: RetryPolicy, cause: OcelliError): OcelliError {
  return new OcelliError(`There was no answer within ${deadlineMs / 1000} s.`, {
    ...{ kind: 'timeout', code: 'deadline-exceeded', cause },
  })
}
