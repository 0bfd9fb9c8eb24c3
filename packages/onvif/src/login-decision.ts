import { type DigestChallenge, type LoginFailure, MAX_REFUSED_LOGINS } from '@ocelli/camera-http'

/** One request of a call, as the login sees it. */
export type LoginAttempt = {
  login: 'none' | 'digest' | 'username-token'
  /** The nonce was handed out in answer to this very call, so a refusal of it cannot be about its age. */
  isFreshNonce: boolean
  /** The camera clock's offset that the token was made with. */
  clockOffsetMs: number
}

/** How the camera refused an attempt. */
export type LoginRefusal = {
  /** A SOAP fault or a forbidding status instead of a 401: the HTTP level had no objection. */
  isBeyondHttp: boolean
  challenge: DigestChallenge | undefined
}

export type LoginFacts = {
  hasCredentials: boolean
  /** These credentials were accepted by this camera before. */
  isProven: boolean
  /** Another offset for the camera's clock than the one used, just measured; undefined: not measured again yet. */
  remeasuredOffsetMs: number | null | undefined
  /** Credentials that were sent and refused since the last time they were accepted. */
  refusedInARow: number
}

export type LoginDecision =
  | { kind: 'digest'; challenge: DigestChallenge }
  | { kind: 'username-token' }
  | { kind: 'remeasure-clock' }
  | { kind: 'give-up'; why: LoginFailure }

// Below this the camera's clock cannot be why a token made with the other offset was refused.
export const CLOCK_DIFFERENCE_MS = 2000

/**
 * What to try after the camera refused the last attempts of a call; `attempts` are in order, the refusal is that of the last one.
 * Pure: one definite refusal per method ends the call; a stale nonce or a wrong clock earns one more attempt.
 */
export function decideLogin(
  attempts: readonly LoginAttempt[],
  refusal: LoginRefusal,
  facts: LoginFacts,
): LoginDecision {
  const last = attempts.at(-1)
  if (!facts.hasCredentials) return { kind: 'give-up', why: 'no-credentials' }
  if (facts.refusedInARow >= MAX_REFUSED_LOGINS) return { kind: 'give-up', why: 'refused' }
  const { challenge } = refusal
  switch (last?.login) {
    case 'digest':
      return afterDigest(last, refusal, facts)
    case 'username-token':
      return afterUsernameToken(attempts, refusal, facts)
    default:
      return challenge === undefined ? { kind: 'username-token' } : { kind: 'digest', challenge }
  }
}

function afterDigest(last: LoginAttempt, { challenge, isBeyondHttp }: LoginRefusal, facts: LoginFacts): LoginDecision {
  if (challenge !== undefined && (challenge.isStale || !last.isFreshNonce)) return { kind: 'digest', challenge }
  if (!isBeyondHttp) return { kind: 'give-up', why: 'refused' }
  return facts.isProven ? { kind: 'give-up', why: 'not-permitted' } : { kind: 'username-token' }
}

function afterUsernameToken(
  attempts: readonly LoginAttempt[],
  { challenge, isBeyondHttp }: LoginRefusal,
  facts: LoginFacts,
): LoginDecision {
  const triedDigest = attempts.some((attempt) => attempt.login === 'digest')
  if (challenge !== undefined && !isBeyondHttp) {
    return triedDigest ? { kind: 'give-up', why: 'refused' } : { kind: 'digest', challenge }
  }
  const tokens = attempts.filter((attempt) => attempt.login === 'username-token')
  const used = tokens.at(-1)?.clockOffsetMs ?? 0
  if (tokens.length === 1 && facts.remeasuredOffsetMs === undefined) return { kind: 'remeasure-clock' }
  const isOtherClock =
    typeof facts.remeasuredOffsetMs === 'number' && Math.abs(facts.remeasuredOffsetMs - used) > CLOCK_DIFFERENCE_MS
  if (tokens.length === 1 && isOtherClock) return { kind: 'username-token' }
  return { kind: 'give-up', why: facts.isProven ? 'not-permitted' : 'refused' }
}
