import type { DigestChallenge } from '@ocelli/camera-http'
import { expect, test } from 'vitest'
import { decideLogin, type LoginAttempt, type LoginFacts } from './login-decision.ts'

const challenge: DigestChallenge = {
  realm: 'r',
  nonce: 'n',
  opaque: undefined,
  algorithm: undefined,
  hash: 'md5',
  isSession: false,
  qop: 'auth',
  isStale: false,
}
const stale = { ...challenge, isStale: true }
const facts: LoginFacts = { hasCredentials: true, isProven: false, remeasuredOffsetMs: undefined, refusedInARow: 0 }
const once = { ...facts, refusedInARow: 1 }

const attempt = (login: LoginAttempt['login'], isFreshNonce = true, clockOffsetMs = 0): LoginAttempt => ({
  login,
  isFreshNonce,
  clockOffsetMs,
})
const bare = attempt('none', false)
const token = attempt('username-token', false)
const http = (found?: DigestChallenge) => ({ isBeyondHttp: false, challenge: found })
const fault = { isBeyondHttp: true, challenge: undefined }

test.each([
  ['a challenge is answered', [bare], http(challenge), facts, { kind: 'digest', challenge }],
  ['a fault instead of a challenge wants a token', [bare], fault, facts, { kind: 'username-token' }],
  ['a 401 without a challenge that we know wants a token', [bare], http(), facts, { kind: 'username-token' }],
  [
    'nothing can be answered without credentials',
    [bare],
    http(challenge),
    { ...facts, hasCredentials: false },
    { kind: 'give-up', why: 'no-credentials' },
  ],
  [
    'a refusal of a fresh nonce is definite',
    [bare, attempt('digest')],
    http(challenge),
    once,
    { kind: 'give-up', why: 'refused' },
  ],
  [
    'a proven login does not soften it',
    [attempt('digest')],
    http(challenge),
    { ...once, isProven: true },
    { kind: 'give-up', why: 'refused' },
  ],
  ['a stale nonce is renewed', [bare, attempt('digest')], http(stale), once, { kind: 'digest', challenge: stale }],
  [
    'a nonce of an earlier call is renewed',
    [attempt('digest', false)],
    http(challenge),
    once,
    { kind: 'digest', challenge },
  ],
  [
    'two refusals end everything, stale or not',
    [attempt('digest', false), attempt('digest')],
    http(stale),
    { ...facts, refusedInARow: 2 },
    { kind: 'give-up', why: 'refused' },
  ],
  [
    'a fault behind HTTP is tried with a token when nothing is proven',
    [bare, attempt('digest')],
    fault,
    once,
    { kind: 'username-token' },
  ],
  [
    'a fault behind HTTP is about rights when the login is proven',
    [attempt('digest', false)],
    fault,
    { ...once, isProven: true },
    { kind: 'give-up', why: 'not-permitted' },
  ],
  ['a refused token has the clock measured', [bare, token], fault, once, { kind: 'remeasure-clock' }],
  [
    'another clock earns one more token',
    [bare, token],
    fault,
    { ...once, remeasuredOffsetMs: 60_000 },
    { kind: 'username-token' },
  ],
  [
    'the same clock is definite',
    [bare, token],
    fault,
    { ...once, remeasuredOffsetMs: 1_500 },
    { kind: 'give-up', why: 'refused' },
  ],
  [
    'an unknown clock is definite',
    [bare, token],
    fault,
    { ...once, remeasuredOffsetMs: null },
    { kind: 'give-up', why: 'refused' },
  ],
  [
    'a token that is answered by a challenge gives way to Digest',
    [token],
    http(challenge),
    once,
    { kind: 'digest', challenge },
  ],
  ['but only once', [attempt('digest'), token], http(challenge), once, { kind: 'give-up', why: 'refused' }],
] as const)('%s', (_, attempts, refusal, given, decision) => {
  expect(decideLogin(attempts, refusal, given)).toEqual(decision)
})
