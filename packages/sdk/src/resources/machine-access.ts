import type {
  AccessToken,
  IssuedAccessToken,
  IssuedTechnicalUser,
  NewAccessToken,
  NewTechnicalUser,
  TechnicalUser,
} from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'

const oneClient = '/account/v1/technical-users/{clientId}'

/** Machine identities. */
export const technicalUserMethods = (api: Api) => ({
  list: api.route(
    'GET /account/v1/technical-users',
    (send) =>
      (options?: CallOptions): Promise<TechnicalUser[]> =>
        send.list({}, options),
  ),
  /** The client secret is shown once. */
  create: api.route(
    'POST /account/v1/technical-users',
    (send) =>
      (technicalUser: NewTechnicalUser, options?: CallOptions): Promise<IssuedTechnicalUser> =>
        send.json({ json: technicalUser }, options),
    { ignoresKey: true },
  ),
  /** A new secret, shown once; the old one ends at once. */
  renewSecret: api.route(
    `POST ${oneClient}/secret`,
    (send) =>
      (clientId: string, options?: CallOptions): Promise<IssuedTechnicalUser> =>
        send.json({ params: { clientId } }, options),
    { ignoresKey: true },
  ),
  remove: api.route(
    `DELETE ${oneClient}`,
    (send) =>
      (clientId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { clientId } }, options),
  ),
})

/** The own personal access tokens. */
export const accessTokenMethods = (api: Api) => ({
  list: api.route(
    'GET /account/v1/access-tokens',
    (send) =>
      (options?: CallOptions): Promise<AccessToken[]> =>
        send.list({}, options),
  ),
  /** The token is shown once. For people only. */
  create: api.route(
    'POST /account/v1/access-tokens',
    (send) =>
      (token: NewAccessToken, options?: CallOptions): Promise<IssuedAccessToken> =>
        send.json({ json: token }, options),
    { ignoresKey: true },
  ),
  revoke: api.route(
    'DELETE /account/v1/access-tokens/{tokenId}',
    (send) =>
      (tokenId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { tokenId } }, options),
  ),
})
