import { TokenAnswer, TokenRefusal } from '@ocelli/contract'
import { Type } from 'typebox'
import type { AccessTokens } from '../../platform/auth/access-token.ts'
import { type AnyRoute, ok, route } from '../../platform/http/route.ts'
import { createTokenService, type DeviceCodeExchange } from './auth-token-service.ts'
import { createFailureLimit } from './failure-limit.ts'
import { TokenRefused, toTokenRefusal } from './token-refusal.ts'

const text = (description: string) => Type.Unsafe<unknown>({ description })
/** Documents more than it refuses: a wrong form is refused in the words of RFC 6749, not as a problem. */
const TokenForm = Type.Unsafe<unknown>({
  type: ['object', 'null'],
  properties: {
    grant_type: text('`client_credentials`, or `urn:ietf:params:oauth:grant-type:device_code` with `device_code`.'),
    device_code: text('Of `POST /auth/v1/device-authorization`.'),
    client_id: text('Or HTTP Basic.'),
    client_secret: text('Or HTTP Basic.'),
    client_assertion_type: text('`urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, for gateways.'),
    client_assertion: text('ES256, iss = sub = gatewayId, aud `urn:ocelli:platform`, exp within 5 minutes, jti.'),
    scope: text('Optional: permissions that the client must hold.'),
  },
})

const formType = 'application/x-www-form-urlencoded'

interface AuthTokenParts {
  accessTokens: Pick<AccessTokens, 'issue'>
  /** What a program that a person has signed in is given. */
  exchangeDeviceCode: DeviceCodeExchange
  nowMs: () => number
}

export function authTokenRoutes(deps: AuthTokenParts): AnyRoute[] {
  const failures = createFailureLimit({ maxFailures: 10, windowMs: 60_000, maxKeys: 20_000, nowMs: deps.nowMs })
  const service = createTokenService({ ...deps, failures })
  return [
    route({
      method: 'POST',
      path: '/auth/v1/token',
      access: 'public',
      tag: 'Sign-in',
      summary: 'Get an access token (OAuth 2.0 client credentials, or a device code)',
      description: 'Ten refused attempts of one client and address within a minute: 429 until the minute has passed.',
      consumes: formType,
      body: TokenForm,
      responses: { 200: TokenAnswer, 400: TokenRefusal, 401: TokenRefusal, 429: TokenRefusal },
      idempotent: false,
      handle: async ({ body, context, raw }) => {
        try {
          if (body && !raw.headers['content-type']?.startsWith(formType)) {
            throw new TokenRefused('invalid_request', `Send the parameters as ${formType}.`)
          }
          const { authorization } = raw.headers
          const answer = await service.issue(context.db, { form: body, authorization, ip: raw.ip, requestId: raw.id })
          return ok(answer, { 'cache-control': 'no-store', pragma: 'no-cache' })
        } catch (error) {
          if (error instanceof TokenRefused) return toTokenRefusal(error)
          throw error
        }
      },
    }),
  ]
}
