import { DeviceId, LostDevice, LostDeviceReleased } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, ok, route } from '../../platform/http/route.ts'
import { declareLost } from './lost-device-service.ts'

/** Cameras that will never confirm anything again. */
export function lostDeviceRoutes({ wake }: { wake: () => void }): AnyRoute[] {
  return [
    route({
      method: 'POST',
      path: '/device/v1/devices/:deviceId/declare-lost',
      access: 'licenses:release',
      tag: 'Devices',
      summary: 'Declare that a camera is lost, or was reset: all of its units return',
      params: Type.Object({ deviceId: DeviceId }),
      body: LostDevice,
      responses: { 200: LostDeviceReleased },
      handle: async ({ context, params, body }) => {
        const released = await declareLost(context, params.deviceId, body)
        context.afterCommit(wake)
        return ok(released)
      },
    }),
  ]
}
