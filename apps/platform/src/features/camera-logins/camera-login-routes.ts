import {
  CameraClaimsRequest,
  CameraCredentialsRequest,
  CameraLoginBatch,
  CameraPasswordsRequest,
  DeviceId,
  nullable,
  RecoveryCopy,
  Uuid,
} from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, ok, route } from '../../platform/http/route.ts'
import { readBatch } from './read-batch.ts'
import { listRecoveryCopies } from './recovery-copies.ts'
import { requestClaims, requestCredentials, requestPasswords } from './request-logins.ts'

const ofGateway = Type.Object({ gatewayId: Uuid })
const ofBatch = Type.Object({ gatewayId: Uuid, batchId: Uuid })
const tag = 'Gateways'
// 1000 cameras, each sealed twice
const bodyLimitBytes = 16 * 1024 * 1024

/** Passwords of cameras on their way to a gateway, which alone can read them. */
export function cameraLoginRoutes({ wake }: { wake: () => void }): AnyRoute[] {
  return [
    route({
      ...{ method: 'POST', path: '/device/v1/gateways/:gatewayId/camera-claims', access: 'devices:edit', tag },
      summary: 'Have a gateway claim cameras',
      description:
        "Each login is sealed to the gateway's `sealingKey` by whoever enters it; the platform cannot read it. What comes of each camera is told by the batch.",
      params: ofGateway,
      body: CameraClaimsRequest,
      bodyLimitBytes,
      responses: { 202: CameraLoginBatch },
      async handle({ context, params, body }) {
        const batch = await requestClaims(context, params.gatewayId, body.cameras)
        context.afterCommit(wake)
        return { status: 202, body: batch }
      },
    }),
    route({
      ...{ method: 'GET', path: '/device/v1/gateways/:gatewayId/camera-claims/:batchId', access: 'devices:view', tag },
      summary: 'What came of the cameras that a gateway was to claim',
      params: ofBatch,
      responses: { 200: CameraLoginBatch },
      handle: async ({ context, params }) => ok(await readBatch(context, { ...params, kind: 'CLAIM' })),
    }),
    route({
      ...{ method: 'POST', path: '/device/v1/gateways/:gatewayId/camera-credentials', access: 'devices:edit', tag },
      summary: 'Have a gateway use other logins for its cameras',
      description:
        'The gateway logs in with each before it replaces the stored one; one that is refused changes nothing.',
      params: ofGateway,
      body: CameraCredentialsRequest,
      bodyLimitBytes,
      responses: { 202: CameraLoginBatch },
      async handle({ context, params, body }) {
        const batch = await requestCredentials(context, params.gatewayId, body.devices)
        context.afterCommit(wake)
        return { status: 202, body: batch }
      },
    }),
    route({
      ...{ method: 'GET', path: '/device/v1/gateways/:gatewayId/camera-credentials/:batchId' },
      ...{ access: 'devices:view', tag },
      summary: 'What came of the logins that a gateway was to use',
      params: ofBatch,
      responses: { 200: CameraLoginBatch },
      handle: async ({ context, params }) => ok(await readBatch(context, { ...params, kind: 'CREDENTIALS' })),
    }),
    route({
      ...{ method: 'POST', path: '/device/v1/gateways/:gatewayId/camera-passwords', access: 'devices:edit', tag },
      summary: 'Have a gateway set new passwords on its cameras',
      description:
        'Each is given to the user that the gateway logs in as, proved by a login, and only then replaces the stored one. The camera ends the sessions of everybody who has the password before: tell your video management system. `UNKNOWN` says that it may have been set; the gateway goes on finding out. One at a time for each camera.',
      params: ofGateway,
      body: CameraPasswordsRequest,
      bodyLimitBytes,
      responses: { 202: CameraLoginBatch },
      async handle({ context, params, body }) {
        const batch = await requestPasswords(context, params.gatewayId, body.devices)
        context.afterCommit(wake)
        return { status: 202, body: batch }
      },
    }),
    route({
      ...{ method: 'GET', path: '/device/v1/gateways/:gatewayId/camera-passwords/:batchId' },
      ...{ access: 'devices:view', tag },
      summary: 'What came of the new passwords that a gateway was to set',
      params: ofBatch,
      responses: { 200: CameraLoginBatch },
      handle: async ({ context, params }) => ok(await readBatch(context, { ...params, kind: 'PASSWORD' })),
    }),
    route({
      ...{ method: 'GET', path: '/device/v1/gateways/:gatewayId/recovery-copies', access: 'devices:edit', tag },
      summary: "Logins of a gateway's cameras, sealed to the account's recovery key",
      params: ofGateway,
      query: Type.Object({ cursor: Type.Optional(DeviceId) }, { additionalProperties: false }),
      responses: { 200: Type.Object({ items: Type.Array(RecoveryCopy), nextCursor: nullable(Type.String()) }) },
      handle: async ({ context, params, query }) =>
        ok(await listRecoveryCopies(context, params.gatewayId, query.cursor ?? '')),
    }),
  ]
}
