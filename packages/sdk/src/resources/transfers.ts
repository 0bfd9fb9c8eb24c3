import type { Transfer, TransferRequest } from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'

const one = '/device/v1/transfers/{transferId}'

/** Devices that pass from one account to another. */
export const transferMethods = (api: Api) => ({
  /** Offers made and received, newest first. */
  list: api.route(
    'GET /device/v1/transfers',
    (send) =>
      (options?: CallOptions): Promise<Transfer[]> =>
        send.list({}, options),
  ),
  /** Errors: `licenses-held`, unless `withLicenses`. */
  offer: api.route(
    'POST /device/v1/transfers',
    (send) =>
      (request: TransferRequest, options?: CallOptions): Promise<Transfer> =>
        send.json({ json: request }, options),
  ),
  /** The device is UNCLAIMED in this account until one of its gateways claims it. */
  accept: api.route(
    `POST ${one}/accept`,
    (send) =>
      (transferId: string, options?: CallOptions): Promise<Transfer> =>
        send.json({ params: { transferId } }, options),
  ),
  decline: api.route(
    `POST ${one}/decline`,
    (send) =>
      (transferId: string, options?: CallOptions): Promise<Transfer> =>
        send.json({ params: { transferId } }, options),
  ),
  withdraw: api.route(
    `DELETE ${one}`,
    (send) =>
      (transferId: string, options?: CallOptions): Promise<Transfer> =>
        send.json({ params: { transferId } }, options),
  ),
})
