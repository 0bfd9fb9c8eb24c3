import {
  CertificateRenewal,
  CertificateRenewalRequest,
  Enrollment,
  EnrollmentToken,
  EnrollRequest,
  Gateway,
  Uuid,
} from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, created, noContent, ok, route } from '../../platform/http/route.ts'
import { type EnrollmentDeps, enrollGateway, renewCertificate } from './enrollment-service.ts'
import { createReplacementToken, listGateways, readGateway, revokeGateway } from './gateway-service.ts'

const params = Type.Object({ gatewayId: Uuid })
const tag = 'Gateways'

export type GatewayRoutesDeps = EnrollmentDeps

export function gatewayRoutes(deps: GatewayRoutesDeps): AnyRoute[] {
  return [
    route({
      ...{ method: 'GET', path: '/device/v1/gateways', access: 'devices:view', tag, summary: 'List the gateways' },
      responses: { 200: Type.Array(Gateway) },
      handle: async ({ context }) => ok(await listGateways(context)),
    }),
    route({
      ...{ method: 'GET', path: '/device/v1/gateways/:gatewayId', access: 'devices:view', tag },
      summary: 'Read a gateway',
      params,
      responses: { 200: Gateway },
      handle: async ({ context, params: { gatewayId } }) => ok(await readGateway(context, gatewayId)),
    }),
    route({
      ...{ method: 'DELETE', path: '/device/v1/gateways/:gatewayId', access: 'devices:edit', tag },
      summary: 'Revoke a gateway',
      params,
      responses: { 204: null },
      async handle({ context, params: { gatewayId } }) {
        await revokeGateway(context, gatewayId, deps)
        return noContent()
      },
    }),
    route({
      ...{ method: 'POST', path: '/device/v1/gateways/:gatewayId/replacement-tokens', access: 'devices:edit', tag },
      summary: 'Make an enrollment token for the machine that takes the place of a gateway',
      description:
        'Works once, within an hour. Enrolling with it moves all devices of the gateway to the new one and revokes the old one.',
      params,
      // a stored answer would keep the secret in the clear
      idempotent: false,
      responses: { 201: EnrollmentToken },
      handle: async ({ context, params: { gatewayId } }) =>
        created(await createReplacementToken(context, gatewayId, { caFingerprint: deps.ca.fingerprint })),
    }),
    route({
      ...{ method: 'POST', path: '/device/v1/gateways/enroll', access: 'public', tag },
      summary: 'Enroll a gateway with the secret of an enrollment token',
      body: EnrollRequest,
      idempotent: false,
      responses: { 201: Enrollment },
      handle: async ({ context, body }) => created(await enrollGateway(context, body, deps)),
    }),
    route({
      ...{ method: 'POST', path: '/device/v1/gateways/self/certificate', access: 'gateway', tag },
      summary: 'Renew the certificate of the calling gateway',
      body: CertificateRenewalRequest,
      responses: { 200: CertificateRenewal },
      handle: async ({ context, body }) => ok(await renewCertificate(context, body.csr, deps)),
    }),
  ]
}
