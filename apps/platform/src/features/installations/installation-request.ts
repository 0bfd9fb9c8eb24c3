import type { Caller } from '../../platform/auth/caller.ts'
import type { Outcome } from '../../platform/batcher.ts'
import type { EventOrigin } from '../../platform/events/emit.ts'
import type { IdempotentRequest } from '../../platform/http/idempotency.ts'
import type { Answer } from '../../platform/http/route.ts'
import type { Wish } from './request-rules.ts'
import type { AnsweredSituation, Question } from './situation.ts'

export type WhenOffline = 'reject' | 'queue'

/** A request on one app on one device, as it waits for its batch. */
export interface InstallationRequest {
  caller: Caller
  origin: EventOrigin
  /** Null: sent without an Idempotency-Key. */
  key: IdempotentRequest | null
  question: Question
  whenOffline: WhenOffline
  /** Throws ProblemError where the situation does not allow it. */
  wish: (situation: AnsweredSituation) => Wish
  /** How often something else came between reading its situation and writing. */
  overtaken: number
}

export type RequestOutcome = Outcome<InstallationRequest, Answer<unknown>>
