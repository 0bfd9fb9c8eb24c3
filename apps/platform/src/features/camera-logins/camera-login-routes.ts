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
import { type TSchema, Type } from 'typebox'
import { type AnyRoute, type Context, ok, type Part, route } from '../../platform/http/route.ts'
import { readBatch } from './read-batch.ts'
import { listRecoveryCopies } from './recovery-copies.ts'
import { requestClaims, requestCredentials, requestPasswords } from './request-logins.ts'

const ofGateway = Type.Object({ gatewayId: Uuid })
const ofBatch = Type.Object({ gatewayId: Uuid, batchId: Uuid })
const tag = 'Gateways'
// 1000 cameras, each sealed twice
const bodyLimitBytes = 16 * 1024 * 1024

interface Batches<Body extends TSchema> {
  /** Below the gateway's path. */
  name: string
  kind: CameraLoginBatch['kind']
  body: Body
  request: (context: Context, gatewayId: string, body: Part<Body>) => Promise<CameraLoginBatch>
  summary: string
  description: string
  summaryOfBatch: string
}

/** Passwords of cameras on their way to a gateway, which alone can read them. */
export function cameraLoginRoutes({ wake }: { wake: () => void }): AnyRoute[] {
  /** A request that hands logins to a gateway, and the question what came of them. */
  const batches = <Body extends TSchema>({ name, kind, body, request, ...words }: Batches<Body>): AnyRoute[] => [
    route({
      ...{ method: 'POST', path: `/device/v1/gateways/:gatewayId/${name}`, access: 'devices:edit', tag },
      summary: words.summary,
      description: words.description,
      params: ofGateway,
      body,
      bodyLimitBytes,
      responses: { 202: CameraLoginBatch },
      async handle(asked) {
        const batch = await request(asked.context, asked.params.gatewayId, asked.body)
        asked.context.afterCommit(wake)
        return { status: 202, body: batch }
      },
    }),
    route({
      ...{ method: 'GET', path: `/device/v1/gateways/:gatewayId/${name}/:batchId`, access: 'devices:view', tag },
      summary: words.summaryOfBatch,
      params: ofBatch,
      responses: { 200: CameraLoginBatch },
      handle: async ({ context, params }) => ok(await readBatch(context, { ...params, kind })),
    }),
  ]

  return [
    ...batches({
      ...{ name: 'camera-claims', kind: 'CLAIM', body: CameraClaimsRequest },
      request: (context, gatewayId, { cameras }) => requestClaims(context, gatewayId, cameras),
      summary: 'Have a gateway claim cameras',
      description:
        "Each login is sealed to the gateway's `sealingKey` by whoever enters it; the platform cannot read it. What comes of each camera is told by the batch.",
      summaryOfBatch: 'What came of the cameras that a gateway was to claim',
    }),
    ...batches({
      ...{ name: 'camera-credentials', kind: 'CREDENTIALS', body: CameraCredentialsRequest },
      request: (context, gatewayId, { devices }) => requestCredentials(context, gatewayId, devices),
      summary: 'Have a gateway use other logins for its cameras',
      description:
        'The gateway logs in with each before it replaces the stored one; one that is refused changes nothing.',
      summaryOfBatch: 'What came of the logins that a gateway was to use',
    }),
    ...batches({
      ...{ name: 'camera-passwords', kind: 'PASSWORD', body: CameraPasswordsRequest },
      request: (context, gatewayId, { devices }) => requestPasswords(context, gatewayId, devices),
      summary: 'Have a gateway set new passwords on its cameras',
      description:
        'Each is given to the user that the gateway logs in as, proved by a login, and only then replaces the stored one. The camera ends the sessions of everybody who has the password before: tell your video management system. `UNKNOWN` says that it may have been set; the gateway goes on finding out. One at a time for each camera.',
      summaryOfBatch: 'What came of the new passwords that a gateway was to set',
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
