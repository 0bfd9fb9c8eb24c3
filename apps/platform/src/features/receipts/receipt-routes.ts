import { maxReceiptLength, ReceiptReport, ReceiptReported } from '@ocelli/contract'
import { type AnyRoute, ok, route } from '../../platform/http/route.ts'
import { reportReceipt } from './receipt-service.ts'

/** What was done to cameras that the platform does not reach. */
export function receiptRoutes(deps: { nowMs: () => number }): AnyRoute[] {
  return [
    route({
      method: 'POST',
      path: '/license/v1/receipts',
      access: 'signed-in',
      tag: 'Bundles',
      summary:
        'Report a signed receipt; each entry is answered for itself (REMOVED: licenses:release; INSTALLED, FAILED: apps:install)',
      body: ReceiptReport,
      bodyLimitBytes: maxReceiptLength + 1024,
      responses: { 200: ReceiptReported },
      handle: async ({ context, body }) => ok(await reportReceipt(context, body.receipt, deps)),
    }),
  ]
}
