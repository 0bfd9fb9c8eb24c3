import { AppId, MakerKey, MakerKeyRequest } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, noContent, ok, route } from '../../platform/http/route.ts'
import { addMakerKey, listMakerKeys, removeMakerKey } from './maker-key-service.ts'

const path = '/store/v1/apps/:appId/maker-keys'
const Params = Type.Object({ appId: AppId })

/** Keys that an app's maker signs grants with. */
export function makerKeyRoutes(): AnyRoute[] {
  const shared = { access: 'apps:publish', tag: 'Grants' } as const
  return [
    route({
      ...shared,
      method: 'GET',
      path,
      summary: "Keys that grants of an own app are verified with, the maker's public halves",
      params: Params,
      responses: { 200: Type.Array(MakerKey) },
      handle: async ({ context, params }) => ok(await listMakerKeys(context, params.appId)),
    }),
    route({
      ...shared,
      method: 'POST',
      path,
      summary: 'Add a key that grants of an own app are signed with',
      params: Params,
      body: MakerKeyRequest,
      responses: { 200: MakerKey, 201: MakerKey },
      handle: ({ context, params, body }) => addMakerKey(context, params.appId, body.publicKey),
    }),
    route({
      ...shared,
      method: 'DELETE',
      path: `${path}/:keyId`,
      summary: 'Import no more grants signed by this key',
      params: Type.Object({ ...Params.properties, keyId: Type.String({ maxLength: 100 }) }),
      responses: { 204: null },
      handle: async ({ context, params: { appId, keyId } }) => {
        await removeMakerKey(context, appId, keyId)
        return noContent()
      },
    }),
  ]
}
