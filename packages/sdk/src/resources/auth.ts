import type { PasswordChange, SignedIn, SignIn, TokenAnswer } from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'

/** Signing in: of people with `credentials: session()`, and of machines by hand. */
export const authMethods = (api: Api) => ({
  /** The grant of `form`, such as `client_credentials` (RFC 6749). The client does this by itself. */
  token: api.route(
    'POST /auth/v1/token',
    (send) =>
      (form: Record<string, string>, options?: CallOptions): Promise<TokenAnswer> =>
        send.json({ form }, options),
    // whoever asks again gets another token, and the lost one ends by itself
    { isPublic: true, isRepeatable: true },
  ),
  /** E-mail and password; the session is a cookie. */
  signIn: api.route(
    'POST /auth/v1/people/sign-in/email',
    (send) =>
      (signIn: SignIn, options?: CallOptions): Promise<SignedIn> =>
        send.json({ json: signIn }, options),
    { ignoresKey: true },
  ),
  signOut: api.route(
    'POST /auth/v1/people/sign-out',
    (send) =>
      (options?: CallOptions): Promise<void> =>
        send.nothing({}, options),
    { isRepeatable: true },
  ),
  /** Who is signed in; prolongs the session. */
  session: api.route(
    'GET /auth/v1/people/get-session',
    (send) =>
      (options?: CallOptions): Promise<SignedIn> =>
        send.json({}, options),
  ),
  /** Ends all other sessions. */
  changePassword: api.route(
    'POST /auth/v1/people/change-password',
    (send) =>
      (change: PasswordChange, options?: CallOptions): Promise<SignedIn> =>
        send.json({ json: change }, options),
    { ignoresKey: true },
  ),
})
