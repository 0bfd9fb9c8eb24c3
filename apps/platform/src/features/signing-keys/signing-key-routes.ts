import { SigningKey, SigningKeyRequest } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, noContent, ok, route } from '../../platform/http/route.ts'
import { addSigningKey, listSigningKeys, removeSigningKey } from './signing-key-service.ts'

const path = '/account/v1/signing-keys'

/** Keys that the caller signs receipts with. */
export function signingKeyRoutes(): AnyRoute[] {
  const shared = { access: 'signed-in', tag: 'Signing keys' } as const
  return [
    route({
      ...shared,
      method: 'GET',
      path,
      summary: 'Your keys for receipts, the public halves',
      responses: { 200: Type.Array(SigningKey) },
      handle: async ({ context }) => ok(await listSigningKeys(context)),
    }),
    route({
      ...shared,
      method: 'POST',
      path,
      summary: 'Enroll a key: what it signs is your statement',
      body: SigningKeyRequest,
      responses: { 200: SigningKey, 201: SigningKey },
      handle: ({ context, body }) => addSigningKey(context, body),
    }),
    route({
      ...shared,
      method: 'DELETE',
      path: `${path}/:keyId`,
      summary: 'Remove a key: receipts signed by it are refused from now on',
      params: Type.Object({ keyId: Type.String({ maxLength: 100 }) }),
      responses: { 204: null },
      handle: async ({ context, params }) => {
        await removeSigningKey(context, params.keyId)
        return noContent()
      },
    }),
  ]
}
