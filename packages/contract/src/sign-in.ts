import { type Static, Type } from 'typebox'
import { oneOf, Uuid } from './schema.ts'
import { Email, Password } from './user.ts'

/** RFC 6749, 5.1 */
export const TokenAnswer = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({ description: 'seconds' }),
    scope: Type.String({ description: 'PermissionSet, separated by spaces.' }),
    token_id: Type.Optional(
      Type.Unsafe<string>({
        ...Uuid,
        description: 'With a device code: the personal access token it was exchanged for.',
      }),
    ),
  },
  { $id: 'TokenAnswer' },
)
export type TokenAnswer = Static<typeof TokenAnswer>

/** RFC 6749, 5.2 */
export const TokenRefusal = Type.Object(
  {
    error: oneOf([
      'invalid_request',
      'invalid_client',
      'unsupported_grant_type',
      'invalid_scope',
      'temporarily_unavailable',
      'invalid_grant',
      // RFC 8628, 3.5
      'authorization_pending',
      'slow_down',
      'access_denied',
      'expired_token',
    ]),
    error_description: Type.String(),
  },
  { $id: 'TokenRefusal' },
)
export type TokenRefusal = Static<typeof TokenRefusal>

export const SignIn = Type.Object(
  { email: Email, password: Type.String({ minLength: 1, maxLength: 128 }), rememberMe: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
)
export type SignIn = Static<typeof SignIn>

export const PasswordChange = Type.Object(
  { currentPassword: Type.String({ minLength: 1, maxLength: 128 }), newPassword: Password },
  { additionalProperties: false },
)
export type PasswordChange = Static<typeof PasswordChange>

/** The person behind a session. What it may do: GET /account/v1/me. */
export const SignedIn = Type.Object({ email: Type.String(), name: Type.String() }, { $id: 'SignedIn' })
export type SignedIn = Static<typeof SignedIn>
