import { ClientId, IssuedTechnicalUser, NewTechnicalUser, TechnicalUser } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, created, noContent, ok, route } from '../../platform/http/route.ts'
import { createTechnicalUsersService } from './technical-users-service.ts'

const ByClient = Type.Object({ clientId: ClientId })
const shared = { access: 'account:settings', tag: 'Account' } as const

export function technicalUserRoutes(deps: { forget: () => void }): AnyRoute[] {
  const service = createTechnicalUsersService(deps)
  return [
    route({
      ...shared,
      method: 'GET',
      path: '/account/v1/technical-users',
      summary: 'List technical users',
      responses: { 200: Type.Array(TechnicalUser) },
      handle: async ({ context }) => ok(await service.list(context)),
    }),
    route({
      ...shared,
      method: 'POST',
      path: '/account/v1/technical-users',
      summary: 'Create a technical user',
      description: 'The client secret is shown once. No more permissions and projects than the caller has itself.',
      body: NewTechnicalUser,
      responses: { 201: IssuedTechnicalUser },
      // a stored answer would keep the secret readable
      idempotent: false,
      handle: async ({ context, body }) => created(await service.create(context, body)),
    }),
    route({
      ...shared,
      method: 'POST',
      path: '/account/v1/technical-users/:clientId/secret',
      summary: 'Give a technical user a new secret',
      description: 'The old one ends at once, and the access tokens that it has fetched. The new one is shown once.',
      params: ByClient,
      responses: { 200: IssuedTechnicalUser },
      idempotent: false,
      handle: async ({ context, params }) => ok(await service.rotate(context, params.clientId)),
    }),
    route({
      ...shared,
      method: 'DELETE',
      path: '/account/v1/technical-users/:clientId',
      summary: 'Remove a technical user',
      params: ByClient,
      responses: { 204: null },
      handle: async ({ context, params }) => {
        await service.remove(context, params.clientId)
        return noContent()
      },
    }),
  ]
}
