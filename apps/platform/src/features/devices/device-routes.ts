import { DeviceDetail, DeviceId, DevicePage, DevicePatch, DeviceQuery, Uuid } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, noContent, ok, route, streamed } from '../../platform/http/route.ts'
import type { GatewayShare } from '../sites/share-store.ts'
import { changeDevice, readDevice, unclaimDevice } from './device-service.ts'
import { listDevices } from './list-devices.ts'
import { moveDevice } from './move-device.ts'

const tag = 'Devices'
const Params = Type.Object({ deviceId: DeviceId })

export interface DeviceRoutesDeps {
  /** Tells the gateway that a device is no longer its own. */
  unassigned: (gatewayId: string, deviceId: string) => void
  tellShares: (shares: GatewayShare[]) => void
  nowMs: () => number
}

export function deviceRoutes({ unassigned, tellShares, nowMs }: DeviceRoutesDeps): AnyRoute[] {
  return [
    route({
      method: 'GET',
      path: '/device/v1/devices',
      access: 'devices:view',
      tag,
      summary: 'List devices, at most 1000 at a time, ordered by deviceId',
      query: DeviceQuery,
      responses: { 200: DevicePage },
      handle: streamed,
      // the page is JSON already: bytes are sent as they are
      stream: async ({ context, query }, reply) =>
        reply.type('application/json; charset=utf-8').send(await listDevices(context, query)),
    }),
    route({
      method: 'GET',
      path: '/device/v1/devices/:deviceId',
      access: 'devices:view',
      tag,
      summary: 'A device, with its connectivity explained',
      params: Params,
      responses: { 200: DeviceDetail },
      handle: async ({ context, params }) => ok(await readDevice(context, params.deviceId)),
    }),
    route({
      method: 'PATCH',
      path: '/device/v1/devices/:deviceId',
      access: 'devices:edit',
      tag,
      summary: 'Change name, customer, location, tags or site',
      params: Params,
      body: DevicePatch,
      responses: { 200: DeviceDetail },
      async handle({ context, params, body }) {
        const { device, shares } = await changeDevice(context, params.deviceId, { patch: body, nowMs: nowMs() })
        context.afterCommit(() => tellShares(shares))
        return ok(device)
      },
    }),
    route({
      method: 'DELETE',
      path: '/device/v1/devices/:deviceId',
      access: 'devices:edit',
      tag,
      summary: 'Unclaim a device',
      params: Params,
      query: Type.Object({ keepLicenses: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
      responses: { 204: null },
      handle: async ({ context, params, query }) => {
        const { gatewayId } = await unclaimDevice(context, { ...params, keepLicenses: query.keepLicenses === true })
        if (gatewayId) context.afterCommit(() => unassigned(gatewayId, params.deviceId))
        return noContent()
      },
    }),
    route({
      method: 'POST',
      path: '/device/v1/devices/:deviceId/gateway',
      access: 'devices:edit',
      tag,
      summary: 'Move a device to another gateway of the account',
      params: Params,
      body: Type.Object({ gatewayId: Uuid }, { additionalProperties: false }),
      responses: { 200: DeviceDetail },
      handle: async ({ context, params: { deviceId }, body: { gatewayId } }) => {
        const { device, movedFrom } = await moveDevice(context, { deviceId, gatewayId })
        if (movedFrom) context.afterCommit(() => unassigned(movedFrom, deviceId))
        return ok(device)
      },
    }),
  ]
}
