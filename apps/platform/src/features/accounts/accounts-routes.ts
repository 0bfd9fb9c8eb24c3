import { Account, AccountAdministration, AccountPatch, CreatedAccount, Me, NewAccount, Uuid } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, created, ok, route } from '../../platform/http/route.ts'
import { createAccountsService } from './accounts-service.ts'

const ByAccount = Type.Object({ accountId: Uuid })

export function accountRoutes(deps: { forget: () => void; publicUrl: string }): AnyRoute[] {
  const service = createAccountsService(deps)
  return [
    route({
      method: 'GET',
      path: '/account/v1/me',
      access: 'signed-in',
      tag: 'Account',
      summary: 'Who am I, and what may I do',
      responses: { 200: Me },
      handle: async ({ context }) => ok(await service.me(context)),
    }),
    route({
      method: 'GET',
      path: '/account/v1/account',
      access: 'signed-in',
      tag: 'Account',
      summary: 'Get the own account',
      responses: { 200: Account },
      handle: async ({ context }) => ok(await service.own(context)),
    }),
    route({
      method: 'PATCH',
      path: '/account/v1/account',
      access: 'account:settings',
      tag: 'Account',
      summary: 'Change the own account',
      body: AccountPatch,
      responses: { 200: Account },
      handle: async ({ context, body }) => ok(await service.changeOwn(context, body)),
    }),
    route({
      method: 'GET',
      path: '/account/v1/accounts',
      access: 'platform:operate',
      tag: 'Instance',
      summary: 'List the accounts of this installation',
      responses: { 200: Type.Array(Account) },
      handle: async ({ context }) => ok(await service.list(context)),
    }),
    route({
      method: 'POST',
      path: '/account/v1/accounts',
      access: 'platform:operate',
      tag: 'Instance',
      summary: 'Create an account and invite its first administrator',
      description: 'The answer holds the link for the administrator; it is shown once.',
      body: NewAccount,
      responses: { 201: CreatedAccount },
      // a stored answer would keep the token readable
      idempotent: false,
      handle: async ({ context, body }) => created(await service.create(context, body)),
    }),
    route({
      method: 'GET',
      path: '/account/v1/accounts/:accountId',
      access: 'platform:operate',
      tag: 'Instance',
      summary: 'Get an account',
      params: ByAccount,
      responses: { 200: Account },
      handle: async ({ context, params }) => ok(await service.get(context, params.accountId)),
    }),
    route({
      method: 'PATCH',
      path: '/account/v1/accounts/:accountId',
      access: 'platform:operate',
      tag: 'Instance',
      summary: 'Rename, suspend or resume an account',
      params: ByAccount,
      body: AccountAdministration,
      responses: { 200: Account },
      handle: async ({ context, params, body }) => ok(await service.administer(context, params.accountId, body)),
    }),
  ]
}
