import { AccessToken, IssuedAccessToken, NewAccessToken, Uuid } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, created, noContent, ok, route } from '../../platform/http/route.ts'
import { createAccessTokensService } from './access-tokens-service.ts'

const shared = { access: 'signed-in', tag: 'Account' } as const

export function accessTokenRoutes(deps: { forget: () => void; nowMs: () => number }): AnyRoute[] {
  const service = createAccessTokensService(deps)
  return [
    route({
      ...shared,
      method: 'GET',
      path: '/account/v1/access-tokens',
      summary: 'List the own personal access tokens',
      responses: { 200: Type.Array(AccessToken) },
      handle: async ({ context }) => ok(await service.list(context)),
    }),
    route({
      ...shared,
      method: 'POST',
      path: '/account/v1/access-tokens',
      summary: 'Create a personal access token',
      description: 'The token is shown once. For people only; no more permissions than the caller has.',
      body: NewAccessToken,
      responses: { 201: IssuedAccessToken },
      // a stored answer would keep the token readable
      idempotent: false,
      handle: async ({ context, body, raw }) => created(await service.create(context, body, raw.headers.authorization)),
    }),
    route({
      ...shared,
      method: 'DELETE',
      path: '/account/v1/access-tokens/:tokenId',
      summary: 'Revoke a personal access token',
      params: Type.Object({ tokenId: Uuid }),
      responses: { 204: null },
      handle: async ({ context, params }) => {
        await service.revoke(context, params.tokenId)
        return noContent()
      },
    }),
  ]
}
