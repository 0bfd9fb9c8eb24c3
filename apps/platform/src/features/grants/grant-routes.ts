import { Grant, GrantImport, Order } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, ok, route } from '../../platform/http/route.ts'
import { type GrantDeps, importGrant, listGrants } from './grant-service.ts'

const path = '/store/v1/grants'

/** Orders that app makers have signed. */
export function grantRoutes(deps: GrantDeps): AnyRoute[] {
  return [
    route({
      method: 'POST',
      path,
      access: 'store:purchase',
      tag: 'Grants',
      summary: "Import an app maker's grant: confirms the order that it names, or makes a confirmed one",
      body: GrantImport,
      responses: { 200: Order, 201: Order },
      handle: ({ context, body }) => importGrant(context, body.grant, deps),
    }),
    route({
      method: 'GET',
      path,
      access: 'store:purchase',
      tag: 'Grants',
      summary: 'Grants that this account has imported',
      responses: { 200: Type.Array(Grant) },
      handle: async ({ context }) => ok(await listGrants(context)),
    }),
  ]
}
