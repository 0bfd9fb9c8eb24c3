import { DeviceAuthorization, SignInRequest, TokenRefusal, UserCode } from '@ocelli/contract'
import { Type } from 'typebox'
import { clientNetwork } from '../../platform/http/client-network.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { type AnyRoute, type Context, ok, route } from '../../platform/http/route.ts'
import { createFailureLimit } from '../auth-token/failure-limit.ts'
import { TokenRefused, toTokenRefusal } from '../auth-token/token-refusal.ts'
import { attemptWithin } from '../auth-token/within-limits.ts'
import { createDeviceSignIn } from './device-sign-in-service.ts'

const shared = { access: 'signed-in', tag: 'Sign-in', idempotent: false } as const
const one = '/auth/v1/device-authorization/:userCode'
const params = Type.Object({ userCode: UserCode })
const defaultName = 'A program'

/** Documents more than it refuses, as the token route does. */
const DeviceForm = Type.Unsafe<Record<string, unknown> | null>({
  type: ['object', 'null'],
  properties: {
    client_name: Type.Unsafe<unknown>({ description: 'What the person is shown, such as `ocelli on desk`.' }),
  },
})

export function deviceSignInRoutes({ publicUrl, nowMs }: { publicUrl: string; nowMs: () => number }): AnyRoute[] {
  const limits = { windowMs: 300_000, maxKeys: 20_000, nowMs }
  const perNetwork = createFailureLimit({ ...limits, maxFailures: 60 })
  const wrongCodes = createFailureLimit({ ...limits, maxFailures: 10 })
  const service = createDeviceSignIn({ publicUrl, wrongCodes })
  const decide = (decision: 'APPROVED' | 'DENIED') =>
    route({
      ...shared,
      method: 'POST',
      path: `${one}/${decision === 'APPROVED' ? 'approve' : 'deny'}`,
      summary: decision === 'APPROVED' ? 'Sign a program in as yourself' : 'Refuse a program that asks to be signed in',
      description: 'By a person with a session, not with a token.',
      params,
      responses: { 200: SignInRequest },
      handle: async ({ context, params: { userCode }, raw }) => {
        onlyBySession(context, raw.headers.authorization)
        return ok(await service.decide(context, userCode, decision))
      },
    })
  return [
    route({
      method: 'POST',
      path: '/auth/v1/device-authorization',
      access: 'public',
      tag: 'Sign-in',
      summary: 'Ask to be signed in by a person with a browser (RFC 8628)',
      description: 'Then ask for the token with grant_type `urn:ietf:params:oauth:grant-type:device_code`.',
      consumes: 'application/x-www-form-urlencoded',
      body: DeviceForm,
      responses: { 200: DeviceAuthorization, 400: TokenRefusal, 429: TokenRefusal },
      idempotent: false,
      handle: async ({ body, context, raw }) => {
        try {
          const name = readName(body?.client_name)
          // each request counts, whatever comes of it
          const asked = await attemptWithin(
            [[perNetwork, clientNetwork(raw.ip)]],
            () => service.begin(context.db, name),
            {
              ofResult: () => 'refused',
              ofError: () => 'refused',
            },
          )
          if (asked.kind === 'wait') {
            const { retryAfterSeconds } = asked
            throw new TokenRefused('temporarily_unavailable', 'Too many requests: wait as Retry-After says.', {
              retryAfterSeconds,
            })
          }
          return ok(asked.result, { 'cache-control': 'no-store' })
        } catch (error) {
          if (error instanceof TokenRefused) return toTokenRefusal(error)
          throw error
        }
      },
    }),
    route({
      ...shared,
      method: 'GET',
      path: one,
      summary: 'Who asks to be signed in',
      params,
      responses: { 200: SignInRequest },
      handle: async ({ context, params: { userCode }, raw }) => {
        onlyBySession(context, raw.headers.authorization)
        return ok(await service.show(context, userCode))
      },
    }),
    decide('APPROVED'),
    decide('DENIED'),
  ]
}

function onlyBySession({ caller }: Context, authorization: string | undefined): void {
  if (caller.kind === 'user' && authorization === undefined) return
  throw new ProblemError('permission-missing', 'A person decides this, signed in at the page that the program names.')
}

/** Nothing that could pass for something else: one line of visible text. */
function readName(given: unknown): string {
  if (given === undefined || given === '') return defaultName
  if (typeof given !== 'string') throw new TokenRefused('invalid_request', 'client_name must be one text.')
  const name = given
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, 200)
  return name === '' ? defaultName : name
}
