import type { Order, OrderPatch, OrderQuery, OrderRequest } from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'
import { type Listing, numberedListing } from '../listing.ts'

const one = '/store/v1/orders/{orderId}'

/** Purchases. */
export const orderMethods = (api: Api) => ({
  /** Newest first; `role` says whose. */
  list: api.route(
    'GET /store/v1/orders',
    (send) =>
      ({ size = 1000, ...filter }: Omit<OrderQuery, 'page'> = {}, options?: CallOptions): Listing<Order> =>
        numberedListing(size, (page) => send.list<Order>({ query: { ...filter, size, page } }, options)),
  ),
  place: api.route(
    'POST /store/v1/orders',
    (send) =>
      (request: OrderRequest, options?: CallOptions): Promise<Order> =>
        send.json({ json: request }, options),
  ),
  get: api.route(
    `GET ${one}`,
    (send) =>
      (orderId: string, options?: CallOptions): Promise<Order> =>
        send.json({ params: { orderId } }, options),
  ),
  /** Fewer units than before. Errors: `units-in-use`. */
  reduce: api.route(
    `PATCH ${one}`,
    (send) =>
      (orderId: string, patch: OrderPatch, options?: CallOptions): Promise<Order> =>
        send.json({ params: { orderId }, json: patch }, options),
  ),
  /** By the app's publisher or the instance administrator. */
  confirm: api.route(
    `POST ${one}/confirm`,
    (send) =>
      (orderId: string, options?: CallOptions): Promise<Order> =>
        send.json({ params: { orderId } }, options),
  ),
  /** Errors: `units-in-use`. */
  cancel: api.route(
    `POST ${one}/cancel`,
    (send) =>
      (orderId: string, options?: CallOptions): Promise<Order> =>
        send.json({ params: { orderId } }, options),
  ),
})
