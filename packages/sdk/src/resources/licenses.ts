import type {
  License,
  LicenseAudit,
  LicenseListQuery,
  LicensePage,
  LicenseQuantity,
  LicenseQuery,
  LicenseRequest,
  OrderRenewal,
  OrderRenewed,
  VendorLicenseUpload,
} from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'
import { createListing, type Listing } from '../listing.ts'
import { toUpload, type UploadSource } from './apps.ts'
import type { Pair } from './installations.ts'

/** Units per app and license type. */
export const licenseQuantityMethods = (api: Api) => ({
  /** Used and free, of every app that was bought. */
  list: api.route(
    'GET /license/v1/licensequantities',
    (send) =>
      (options?: CallOptions): Promise<LicenseQuantity[]> =>
        send.list({}, options),
  ),
  /** Used and free, of one app by license type; empty when nothing was bought. */
  ofApp: api.route(
    'GET /license/v1/licensequantities/apps/{appId}',
    (send) =>
      (appId: string, options?: CallOptions): Promise<LicenseQuantity[]> =>
        send.list({ params: { appId } }, options),
  ),
})

const path = '/license/v1/licenses/apps/{appId}/devices/{deviceId}'

/** Units spent on one app on one device. */
export const licenseMethods = (api: Api) => ({
  /** Licenses of the account that match, by device and app. */
  search: api.route(
    'GET /license/v1/licenses',
    (send) =>
      (filter: Omit<LicenseQuery, 'cursor'> = {}, options?: CallOptions): Listing<License, LicensePage> =>
        createListing(async (cursor) => {
          const query = cursor === null ? filter : { ...filter, cursor }
          const page = await send.json<LicensePage>({ query }, options)
          return { page, items: page.items, next: page.nextCursor }
        }),
  ),
  /** Licenses of a pair; with `state: 'ALL'` also those that ended. */
  list: api.route(
    `GET ${path}`,
    (send) =>
      ({ appId, deviceId }: Pair, { state, ...options }: CallOptions & LicenseListQuery = {}): Promise<License[]> =>
        send.list({ params: { appId, deviceId }, query: { state } }, options),
  ),
  /** Makes a license, also for a device never seen; gives the valid one if there is one. Errors: `no-free-license`, `order-required`. */
  create: api.route(
    `POST ${path}`,
    (send) =>
      ({ appId, deviceId }: Pair, request: LicenseRequest, options?: CallOptions): Promise<License> =>
        send.json({ params: { appId, deviceId }, json: request }, options),
  ),
  /** The license file, as text. A reserved license is valid from then on. */
  file: api.route(
    'GET /license/v1/licenses/{licenseId}/token',
    (send) =>
      (licenseId: string, options?: CallOptions): Promise<string> =>
        send.text({ params: { licenseId } }, options),
  ),
  /**
   * Stores license keys that a camera's vendor issued: one key file, or a ZIP of up to 2,000 (8 MiB). Each goes to the device that it
   * names, else to the one that its file name names; the answer says of every file what became of it. Takes no unit.
   */
  uploadVendorKeys: api.route(
    'POST /license/v1/vendor-licenses',
    (send) =>
      (
        appId: string,
        source: UploadSource,
        { fileName, ...options }: CallOptions & { fileName?: string } = {},
      ): Promise<VendorLicenseUpload> =>
        send.json(
          { query: { appId, fileName }, upload: { body: toUpload(source), contentType: 'application/octet-stream' } },
          options,
        ),
  ),
  /** Recounts the account's units from its licenses, and those from their events. Needs `audit:view`. */
  audit: api.route(
    'GET /license/v1/audit',
    (send) =>
      (options?: CallOptions): Promise<LicenseAudit> =>
        send.json({}, options),
  ),
  /** Goes on with a unit of another order: the license keeps its id and gets a new token. SUBSCRIPTION only. */
  renew: api.route(
    'POST /license/v1/licenses/{licenseId}/renew',
    (send) =>
      (licenseId: string, orderId: string, options?: CallOptions): Promise<License> =>
        send.json({ params: { licenseId }, json: { orderId } }, options),
  ),
  /** Every license of an order by another order, all or none. */
  renewOrder: api.route(
    'POST /license/v1/renewals',
    (send) =>
      (renewal: OrderRenewal, options?: CallOptions): Promise<OrderRenewed> =>
        send.json({ json: renewal }, options),
  ),
  /** Declares that a unit is free though no camera confirmed it. Needs `licenses:release`; is audited with the reason. */
  release: api.route(
    'POST /license/v1/licenses/{licenseId}/release',
    (send) =>
      (licenseId: string, reason: string, options?: CallOptions): Promise<License> =>
        send.json({ params: { licenseId }, json: { reason } }, options),
  ),
})
