import { AppId, DeviceId, Installation, InstallationQuery, InstallRequest, oneOf } from '@ocelli/contract'
import { sql } from 'kysely'
import { Type } from 'typebox'
import { seesProjects } from '../../platform/auth/visibility.ts'
import { notFound } from '../../platform/http/problem.ts'
import { type AnyRoute, type Context, ok, route } from '../../platform/http/route.ts'
import type { InstallationService } from './installation-service.ts'
import { listInstallations, viewInstallation } from './installation-view.ts'

const path = '/software/v1/apps/:appId/devices/:deviceId'
const tag = 'Installations'
const Params = Type.Object({ appId: AppId, deviceId: DeviceId })
const responses = { 200: Installation, 202: Installation }

/** Installing, updating, removing, starting and stopping apps, and how far that is. */
export function installationRoutes({ installations }: { installations: InstallationService }): AnyRoute[] {
  return [
    route({
      method: 'GET',
      path,
      access: 'apps:view',
      tag,
      summary: 'State of an app on a device',
      params: Params,
      responses: { 200: Installation },
      handle: async ({ context, params }) => {
        await requireDevice(context, params.deviceId)
        return ok(await viewInstallation(context.db, context.caller.accountId, params))
      },
    }),
    route({
      method: 'PUT',
      path,
      keepsKeys: true,
      access: 'apps:install',
      tag,
      summary: 'Install an app on a device',
      params: Params,
      query: InstallationQuery,
      body: InstallRequest,
      responses,
      handle: ({ context, params, query, body }) =>
        installations.install(context, params, { ...body, whenOffline: query.whenOffline ?? 'reject' }),
    }),
    route({
      method: 'POST',
      path,
      keepsKeys: true,
      access: 'apps:install',
      tag,
      summary: 'Update an app to the latest version that fits the device',
      params: Params,
      query: InstallationQuery,
      responses,
      handle: ({ context, params, query }) => installations.update(context, params, query.whenOffline ?? 'reject'),
    }),
    route({
      method: 'DELETE',
      path,
      keepsKeys: true,
      access: 'apps:install',
      tag,
      summary: 'Uninstall an app; its license returns when the device confirms',
      params: Params,
      query: InstallationQuery,
      responses,
      handle: ({ context, params, query }) => installations.uninstall(context, params, query.whenOffline ?? 'reject'),
    }),
    route({
      method: 'POST',
      path: `${path}/state/:runningState`,
      keepsKeys: true,
      access: 'apps:install',
      tag,
      summary: 'Start or stop an app',
      params: Type.Object({ ...Params.properties, runningState: oneOf(['RUNNING', 'NOT_RUNNING']) }),
      query: InstallationQuery,
      responses,
      handle: ({ context, params: { runningState, ...pair }, query }) =>
        installations.run(context, pair, { running: runningState, whenOffline: query.whenOffline ?? 'reject' }),
    }),
    route({
      method: 'GET',
      path: '/device/v1/devices/:deviceId/apps',
      access: 'apps:view',
      tag: 'Devices',
      summary: 'Apps on a device',
      params: Type.Object({ deviceId: DeviceId }),
      responses: { 200: Type.Array(Installation) },
      handle: async ({ context, params }) => {
        await requireDevice(context, params.deviceId)
        return ok(await listInstallations(context.db, context.caller.accountId, params.deviceId))
      },
    }),
  ]
}

async function requireDevice({ db, caller }: Context, deviceId: string): Promise<void> {
  const { rows } =
    await sql`SELECT 1 FROM device d WHERE d.account_id = ${caller.accountId} AND d.device_id = ${deviceId}
    AND ${seesProjects(caller, sql.ref('d.project_ids'))}`.execute(db)
  if (rows.length === 0) throw notFound(`The device ${deviceId}`)
}
