import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { Type } from 'typebox'
import type { Clock } from '../state/clock.ts'
import { type GatewayIdentity, keyOf } from './gateway-identity.ts'
import type { HttpClient } from './http-client.ts'
import { callJson, expectBody, type JsonAnswer } from './json-call.ts'

const TokenAnswer = Type.Object({
  access_token: Type.String({ minLength: 1 }),
  expires_in: Type.Number({ exclusiveMinimum: 0 }),
})

const assertionSeconds = 300
/** A token is not used in its last seconds, which the request itself may take. */
const marginMs = 30_000
/** Below this, a wrong clock is not why an assertion was refused. */
const clockIsOffMs = 20_000

export interface AccessTokens {
  /** A token that is still good for some time. */
  get(signal: AbortSignal): Promise<string>
  /** This one was refused: the next `get` asks for another. */
  forget(token: string): void
  /** What to add to our clock to have the platform's, from the last answer. */
  readonly clockOffsetMs: number
}

/** Access tokens for assertions signed with the certificate's key (RFC 7523, 2.2). */
export function createAccessTokens(options: {
  identity: () => GatewayIdentity
  http: HttpClient
  clock: Clock
}): AccessTokens {
  const { identity, http, clock } = options
  let held: { token: string; untilMs: number } | null = null
  let clockOffsetMs = 0

  async function askOnce(signal: AbortSignal): Promise<JsonAnswer> {
    const assertion = await signAssertion(identity(), clock.now() + clockOffsetMs)
    const answer = await callJson(http, {
      method: 'POST',
      url: new URL('/auth/v1/token', identity().platformUrl),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      }).toString(),
      signal,
    })
    if (answer.serverTimeMs !== null) clockOffsetMs = answer.serverTimeMs - clock.now()
    return answer
  }

  async function ask(signal: AbortSignal): Promise<string> {
    const assumedMs = clockOffsetMs
    let answer = await askOnce(signal)
    const isRefused = answer.status === 400 || answer.status === 401
    if (isRefused && Math.abs(clockOffsetMs - assumedMs) > clockIsOffMs) answer = await askOnce(signal)
    const body = expectBody(answer, TokenAnswer, 'give this gateway an access token')
    held = { token: body.access_token, untilMs: clock.monotonic() + body.expires_in * 1000 - marginMs }
    return body.access_token
  }

  return {
    get: async (signal) => (held && clock.monotonic() < held.untilMs ? held.token : ask(signal)),
    forget(token) {
      if (held?.token === token) held = null
    },
    get clockOffsetMs() {
      return clockOffsetMs
    },
  }
}

function signAssertion(identity: GatewayIdentity, nowMs: number): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1000)
  return new SignJWT()
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(identity.gatewayId)
    .setSubject(identity.gatewayId)
    .setAudience('urn:ocelli:platform')
    .setJti(randomUUID())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + assertionSeconds)
    .sign(keyOf(identity))
}
