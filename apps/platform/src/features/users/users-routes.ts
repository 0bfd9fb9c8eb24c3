import {
  Invitation,
  InvitationAcceptance,
  IssuedInvitation,
  NewInvitation,
  User,
  UserPatch,
  Uuid,
} from '@ocelli/contract'
import type { Logger } from 'pino'
import { Type } from 'typebox'
import { type AnyRoute, created, noContent, ok, route } from '../../platform/http/route.ts'
import { createInvitationsService } from './invitations-service.ts'
import type { PersonDirectory } from './person-directory.ts'
import { createUsersService } from './users-service.ts'

const ByUser = Type.Object({ userId: Uuid })
const ByInvitation = Type.Object({ invitationId: Uuid })

export function userRoutes(deps: {
  people: PersonDirectory
  forget: () => void
  publicUrl: string
  log: Logger
}): AnyRoute[] {
  const users = createUsersService(deps)
  const invitations = createInvitationsService(deps)
  const shared = { access: 'account:users', tag: 'Account' } as const
  const oneUser = { ...shared, path: '/account/v1/users/:userId', params: ByUser } as const
  return [
    route({
      ...shared,
      method: 'GET',
      path: '/account/v1/users',
      summary: 'List the users of the account',
      responses: { 200: Type.Array(User) },
      handle: async ({ context }) => ok(await users.list(context)),
    }),
    route({
      ...oneUser,
      method: 'GET',
      summary: 'Get a user',
      responses: { 200: User },
      handle: async ({ context, params }) => ok(await users.get(context, params.userId)),
    }),
    route({
      ...oneUser,
      method: 'PATCH',
      summary: "Change a user's names and permissions",
      body: UserPatch,
      responses: { 200: User },
      handle: async ({ context, params, body }) => ok(await users.change(context, params.userId, body)),
    }),
    route({
      ...oneUser,
      method: 'DELETE',
      summary: 'Remove a user',
      responses: { 204: null },
      handle: async ({ context, params }) => {
        await users.remove(context, params.userId)
        return noContent()
      },
    }),
    route({
      ...shared,
      method: 'GET',
      path: '/account/v1/invitations',
      summary: 'List invitations that were not accepted yet',
      responses: { 200: Type.Array(Invitation) },
      handle: async ({ context }) => ok(await invitations.list(context)),
    }),
    route({
      ...shared,
      method: 'POST',
      path: '/account/v1/invitations',
      summary: 'Invite a person',
      description: 'The answer holds the link to hand over; it is shown once and good for seven days.',
      body: NewInvitation,
      responses: { 201: IssuedInvitation },
      // a stored answer would keep the token readable
      idempotent: false,
      handle: async ({ context, body }) => created(await invitations.invite(context, body)),
    }),
    route({
      ...shared,
      method: 'DELETE',
      path: '/account/v1/invitations/:invitationId',
      summary: 'Revoke an invitation',
      params: ByInvitation,
      responses: { 204: null },
      handle: async ({ context, params }) => {
        await invitations.revoke(context, params.invitationId)
        return noContent()
      },
    }),
    route({
      method: 'POST',
      path: '/account/v1/invitations/accept',
      access: 'public',
      tag: 'Account',
      summary: 'Accept an invitation and become a user',
      body: InvitationAcceptance,
      responses: { 201: User },
      handle: async ({ context, body }) => created(await invitations.accept(context, body)),
    }),
  ]
}
