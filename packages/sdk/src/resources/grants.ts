import type { Grant, MakerKey, MakerKeyRequest, Order } from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'

/** Orders that app makers have signed. */
export const grantMethods = (api: Api) => ({
  /** Those that this account has imported. */
  list: api.route(
    'GET /store/v1/grants',
    (send) =>
      (options?: CallOptions): Promise<Grant[]> =>
        send.list({}, options),
  ),
  /** Confirms the order that the grant names, or makes a confirmed one. Errors: `grant-invalid`, `grant-used`. */
  import: api.route(
    'POST /store/v1/grants',
    (send) =>
      (grant: string, options?: CallOptions): Promise<Order> =>
        send.json({ json: { grant } }, options),
  ),
})

const keys = '/store/v1/apps/{appId}/maker-keys'

/** Keys that the maker of an own app signs grants with, their public halves. */
export const makerKeyMethods = (api: Api) => ({
  list: api.route(
    `GET ${keys}`,
    (send) =>
      (appId: string, options?: CallOptions): Promise<MakerKey[]> =>
        send.list({ params: { appId } }, options),
  ),
  /** Errors: `key-invalid`. */
  add: api.route(
    `POST ${keys}`,
    (send) =>
      (appId: string, key: MakerKeyRequest, options?: CallOptions): Promise<MakerKey> =>
        send.json({ params: { appId }, json: key }, options),
  ),
  /** Grants signed by it are imported no more. */
  remove: api.route(
    `DELETE ${keys}/{keyId}`,
    (send) =>
      (appId: string, keyId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { appId, keyId } }, options),
  ),
})
