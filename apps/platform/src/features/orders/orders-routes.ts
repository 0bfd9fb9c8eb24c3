import { AppId, LicenseQuantity, Order, OrderPatch, OrderQuery, OrderRequest, Uuid } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, ok, route } from '../../platform/http/route.ts'
import { cancelOrder, confirmOrder, listOrders, placeOrder, readOrder, reduceOrder } from './order-service.ts'
import { readQuantities } from './order-store.ts'

const OrderParams = Type.Object({ orderId: Uuid })

/** Orders, and the license quantities that come of them. */
export function ordersRoutes(): AnyRoute[] {
  const tag = 'Orders'
  const one = { tag, path: '/store/v1/orders/:orderId', params: OrderParams, responses: { 200: Order } } as const
  return [
    route({
      method: 'POST',
      path: '/store/v1/orders',
      access: 'store:purchase',
      tag,
      summary: 'Place an order',
      body: OrderRequest,
      responses: { 201: Order },
      async handle({ context, body }) {
        const order = await placeOrder(context, body)
        return { status: 201, body: order, headers: { location: `/store/v1/orders/${order.orderId}` } }
      },
    }),
    route({
      method: 'GET',
      path: '/store/v1/orders',
      access: 'apps:view',
      tag,
      summary: 'List orders, newest first',
      query: OrderQuery,
      responses: { 200: Type.Array(Order) },
      handle: async ({ context, query }) => ok(await listOrders(context, query)),
    }),
    route({
      ...one,
      method: 'GET',
      access: 'apps:view',
      summary: 'Read an order',
      handle: async ({ context, params }) => ok(await readOrder(context, params.orderId)),
    }),
    route({
      ...one,
      method: 'PATCH',
      access: 'signed-in',
      summary: 'Reduce an order (store:purchase of the buyer, apps:publish of the publisher, platform:operate)',
      body: OrderPatch,
      handle: async ({ context, params, body }) => ok(await reduceOrder(context, params.orderId, body.quantity)),
    }),
    route({
      ...one,
      method: 'POST',
      path: '/store/v1/orders/:orderId/confirm',
      access: 'signed-in',
      summary: "Confirm an order (apps:publish of the app's publisher, platform:operate)",
      handle: async ({ context, params }) => ok(await confirmOrder(context, params.orderId)),
    }),
    route({
      ...one,
      method: 'POST',
      path: '/store/v1/orders/:orderId/cancel',
      access: 'signed-in',
      summary: 'Cancel an order (store:purchase of the buyer, apps:publish of the publisher, platform:operate)',
      handle: async ({ context, params }) => ok(await cancelOrder(context, params.orderId)),
    }),
    ...quantityRoutes(),
  ]
}

function quantityRoutes(): AnyRoute[] {
  const shared = {
    method: 'GET',
    access: 'apps:view',
    tag: 'Licenses',
    responses: { 200: Type.Array(LicenseQuantity) },
  } as const
  return [
    route({
      ...shared,
      path: '/license/v1/licensequantities',
      summary: 'Used and free licenses by app and license type',
      handle: async ({ context }) => ok(await readQuantities(context.db, context.caller)),
    }),
    route({
      ...shared,
      path: '/license/v1/licensequantities/apps/:appId',
      summary: 'Used and free licenses of an app by license type',
      params: Type.Object({ appId: AppId }),
      handle: async ({ context, params }) => ok(await readQuantities(context.db, context.caller, params.appId)),
    }),
  ]
}
