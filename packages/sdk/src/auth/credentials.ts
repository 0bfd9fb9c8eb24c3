/** A machine identity (technical user). Access tokens are fetched, shared and renewed by the client. */
export interface ClientCredentials {
  kind: 'client-credentials'
  clientId: string
  clientSecret: string
}

/** A personal access token, or any bearer token that stays as it is. */
export interface FixedToken {
  kind: 'token'
  token: string
}

/**
 * A person's session: in a browser the platform's cookie; elsewhere the client keeps the cookies that
 * `client.auth.signIn` was answered with.
 */
export interface Session {
  kind: 'session'
}

/** Access tokens from elsewhere, asked for before every request. `refusedToken` is the one that was just refused. */
export interface TokenProvider {
  kind: 'provider'
  accessToken: (request: { refusedToken: string | null; signal?: AbortSignal }) => Promise<string>
}

/** Only what is open to everybody. */
export interface NoCredentials {
  kind: 'none'
}

/** Who a client is at the platform, the same for all of its calls. */
export type Credentials = ClientCredentials | FixedToken | Session | TokenProvider | NoCredentials

/** Signs in as a technical user. */
export const clientCredentials = (clientId: string, clientSecret: string): ClientCredentials => ({
  ...{ kind: 'client-credentials', clientId, clientSecret },
})
/** Signs in with a token that is sent as it is. */
export const personalAccessToken = (token: string): FixedToken => ({ kind: 'token', token })
/** Signs in as the person of the session. */
export const session = (): Session => ({ kind: 'session' })
