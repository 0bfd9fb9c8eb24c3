import type {
  Device,
  DeviceDetail,
  DevicePage,
  DevicePatch,
  DeviceQuery,
  Installation,
  LostDevice,
  LostDeviceReleased,
} from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'
import { createListing, type Listing } from '../listing.ts'

export type DeviceFilter = Omit<DeviceQuery, 'page' | 'cursor'>

/** Cameras of the account. */
export const deviceMethods = (api: Api) => ({
  /** Every device that matches, ordered by deviceId; read by cursor, `size` (default 1000) at a time. */
  list: api.route(
    'GET /device/v1/devices',
    (send) =>
      (filter: DeviceFilter = {}, options?: CallOptions): Listing<Device, DevicePage> =>
        createListing(async (cursor) => {
          const query = cursor === null ? filter : { ...filter, cursor }
          const page = await send.json<DevicePage>({ query }, options)
          return { page, items: page.items, next: page.nextCursor }
        }),
  ),
  /** One page, by its number (from 0) or cursor. With `count` it holds the total. */
  page: api.route(
    'GET /device/v1/devices',
    (send) =>
      (query: DeviceQuery = {}, options?: CallOptions): Promise<DevicePage> =>
        send.json({ query }, options),
  ),
  /** A device, with its connectivity explained. */
  get: api.route(
    'GET /device/v1/devices/{deviceId}',
    (send) =>
      (deviceId: string, options?: CallOptions): Promise<DeviceDetail> =>
        send.json({ params: { deviceId } }, options),
  ),
  /** Changes name, customer, location, tags or site. */
  change: api.route(
    'PATCH /device/v1/devices/{deviceId}',
    (send) =>
      (deviceId: string, patch: DevicePatch, options?: CallOptions): Promise<DeviceDetail> =>
        send.json({ params: { deviceId }, json: patch }, options),
  ),
  /** Unclaims a device. `licenses-held` while it holds licenses, unless they are to stay used (`keepLicenses`). */
  unclaim: api.route(
    'DELETE /device/v1/devices/{deviceId}',
    (send) =>
      (deviceId: string, { keepLicenses, ...options }: CallOptions & { keepLicenses?: boolean } = {}): Promise<void> =>
        send.nothing({ params: { deviceId }, query: { keepLicenses } }, options),
  ),
  /** Moves a device to another gateway of the account. */
  moveToGateway: api.route(
    'POST /device/v1/devices/{deviceId}/gateway',
    (send) =>
      (deviceId: string, gatewayId: string, options?: CallOptions): Promise<DeviceDetail> =>
        send.json({ params: { deviceId }, json: { gatewayId } }, options),
  ),
  /** Declares that a camera is lost, or was reset: all of its units return. Needs `licenses:release`; audited. */
  declareLost: api.route(
    'POST /device/v1/devices/{deviceId}/declare-lost',
    (send) =>
      (deviceId: string, declaration: LostDevice, options?: CallOptions): Promise<LostDeviceReleased> =>
        send.json({ params: { deviceId }, json: declaration }, options),
  ),
  /** Apps on a device, on their way there or away. */
  apps: api.route(
    'GET /device/v1/devices/{deviceId}/apps',
    (send) =>
      (deviceId: string, options?: CallOptions): Promise<Installation[]> =>
        send.list({ params: { deviceId } }, options),
  ),
})
