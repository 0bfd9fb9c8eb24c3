import {
  AppId,
  DeviceId,
  License,
  LicenseAudit,
  LicenseListQuery,
  LicensePage,
  LicenseQuery,
  LicenseRelease,
  LicenseRequest,
  Uuid,
} from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, ok, route, streamed } from '../../platform/http/route.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'
import { findLicenses } from './find-licenses.ts'
import { auditLicenses } from './license-audit.ts'
import { licenseFile, listLicenses, makeLicense, releaseLicense } from './license-service.ts'
import { renewalRoutes } from './renewal-routes.ts'

const tag = 'Licenses'
const path = '/license/v1/licenses/apps/:appId/devices/:deviceId'
const Params = Type.Object({ appId: AppId, deviceId: DeviceId })
const LicenseParams = Type.Object({ licenseId: Uuid })

/** Licenses of an app on a device, license files, renewals, and declared releases. */
export function licenseRoutes({ keys, wake = () => {} }: { keys: LicenseKeys; wake?: () => void }): AnyRoute[] {
  return [
    ...renewalRoutes({ keys, wake }),
    route({
      method: 'GET',
      path: '/license/v1/audit',
      access: 'audit:view',
      tag,
      summary: "Recount the account's units from its licenses, and its licenses from their events",
      responses: { 200: LicenseAudit },
      handle: async ({ context }) => ok(await auditLicenses(context)),
    }),
    route({
      method: 'GET',
      path: '/license/v1/licenses',
      access: 'apps:view',
      tag,
      summary: 'Licenses of the account, by device and app',
      query: LicenseQuery,
      responses: { 200: LicensePage },
      handle: async ({ context, query }) => ok(await findLicenses(context, query)),
    }),
    route({
      method: 'GET',
      path,
      access: 'apps:view',
      tag,
      summary: 'Licenses of an app on a device',
      params: Params,
      query: LicenseListQuery,
      responses: { 200: Type.Array(License) },
      handle: async ({ context, params, query }) => ok(await listLicenses(context, params, query.state ?? 'HELD')),
    }),
    route({
      method: 'POST',
      path,
      access: 'apps:install',
      tag,
      summary: 'Make a license by hand, also for a device never seen',
      params: Params,
      body: LicenseRequest,
      responses: { 200: License, 201: License },
      handle: ({ context, params, body }) => makeLicense(context, { pair: params, request: body, keys }),
    }),
    route({
      method: 'GET',
      path: '/license/v1/licenses/:licenseId/token',
      access: 'apps:install',
      tag,
      summary: 'License file',
      params: LicenseParams,
      responses: { 200: null },
      handle: streamed,
      stream: async ({ context, params }, reply) => {
        const { name, content } = await licenseFile(context, { licenseId: params.licenseId, keys })
        return reply
          .header('content-disposition', `attachment; filename="${name}"`)
          .header('cache-control', 'no-store')
          .type('application/octet-stream')
          .send(Buffer.from(content))
      },
    }),
    route({
      method: 'POST',
      path: '/license/v1/licenses/:licenseId/release',
      access: 'licenses:release',
      tag,
      summary: 'Declare that a unit is free though no camera confirmed it',
      params: LicenseParams,
      body: LicenseRelease,
      responses: { 200: License },
      handle: async ({ context, params, body }) =>
        ok(await releaseLicense(context, { ...params, reason: body.reason, wake })),
    }),
  ]
}
