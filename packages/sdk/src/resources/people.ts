import type {
  Invitation,
  InvitationAcceptance,
  IssuedInvitation,
  NewInvitation,
  User,
  UserPatch,
} from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'

const oneUser = '/account/v1/users/{userId}'

export const userMethods = (api: Api) => ({
  list: api.route(
    'GET /account/v1/users',
    (send) =>
      (options?: CallOptions): Promise<User[]> =>
        send.list({}, options),
  ),
  get: api.route(
    `GET ${oneUser}`,
    (send) =>
      (userId: string, options?: CallOptions): Promise<User> =>
        send.json({ params: { userId } }, options),
  ),
  /** Names and permissions. Errors: `last-administrator`. */
  change: api.route(
    `PATCH ${oneUser}`,
    (send) =>
      (userId: string, patch: UserPatch, options?: CallOptions): Promise<User> =>
        send.json({ params: { userId }, json: patch }, options),
  ),
  /** Errors: `last-administrator`. */
  remove: api.route(
    `DELETE ${oneUser}`,
    (send) =>
      (userId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { userId } }, options),
  ),
})

export const invitationMethods = (api: Api) => ({
  /** Those not accepted yet. */
  list: api.route(
    'GET /account/v1/invitations',
    (send) =>
      (options?: CallOptions): Promise<Invitation[]> =>
        send.list({}, options),
  ),
  /** The answer holds the link to hand over, shown once, good for seven days. */
  create: api.route(
    'POST /account/v1/invitations',
    (send) =>
      (invitation: NewInvitation, options?: CallOptions): Promise<IssuedInvitation> =>
        send.json({ json: invitation }, options),
    { ignoresKey: true },
  ),
  revoke: api.route(
    'DELETE /account/v1/invitations/{invitationId}',
    (send) =>
      (invitationId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { invitationId } }, options),
  ),
  /** By the invited person, who becomes a user. */
  accept: api.route(
    'POST /account/v1/invitations/accept',
    (send) =>
      (acceptance: InvitationAcceptance, options?: CallOptions): Promise<User> =>
        send.json({ json: acceptance }, options),
    { isPublic: true, ignoresKey: true },
  ),
})
