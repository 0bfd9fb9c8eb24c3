import type {
  DeviceAuthorization,
  PasswordChange,
  SignedIn,
  SignIn,
  SignInRequest,
  TokenAnswer,
} from '@ocelli/contract'
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
  /** Asks to be signed in by a person with a browser (RFC 8628); then `token` with the device code, until it is decided. */
  beginDeviceSignIn: api.route(
    'POST /auth/v1/device-authorization',
    (send) =>
      (clientName: string, options?: CallOptions): Promise<DeviceAuthorization> =>
        send.json({ form: { client_name: clientName } }, options),
    // one that is lost ends by itself
    { isPublic: true, isRepeatable: true },
  ),
  /** Who asks to be signed in with this code. For a person with a session, as the next two. */
  signInRequest: api.route(
    'GET /auth/v1/device-authorization/{userCode}',
    (send) =>
      (userCode: string, options?: CallOptions): Promise<SignInRequest> =>
        send.json({ params: { userCode } }, options),
  ),
  approveSignIn: api.route(
    'POST /auth/v1/device-authorization/{userCode}/approve',
    (send) =>
      (userCode: string, options?: CallOptions): Promise<SignInRequest> =>
        send.json({ params: { userCode } }, options),
    { ignoresKey: true },
  ),
  denySignIn: api.route(
    'POST /auth/v1/device-authorization/{userCode}/deny',
    (send) =>
      (userCode: string, options?: CallOptions): Promise<SignInRequest> =>
        send.json({ params: { userCode } }, options),
    { ignoresKey: true },
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
