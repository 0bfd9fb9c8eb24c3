import {
  type CameraCredentials,
  type CameraLoginSecret,
  type Gateway,
  isOcelliError,
  sealCameraLogin,
} from '@ocelli/sdk'
import { awaitBatches } from '../../camera-list/await-batches.ts'
import { readCameraRows } from '../../camera-list/camera-rows.ts'
import { CliError, wrongUsage } from '../../cli-error.ts'
import type { CommandContext } from '../../command-context.ts'
import type { ExitCode } from '../../exit-code.ts'
import { readCameraLogin } from '../../offline/camera-password.ts'
import { readNamedFile } from '../../read-named-file.ts'
import { type LoginSourceFlags, readRecovery, sealForRecovery, tellResults } from './claim-cameras.ts'

const perRequest = 1000

/** Has gateways log in to their cameras with other credentials and keep those that are taken. The cameras are not changed. */
export async function changeCredentials(
  deviceIds: string[],
  flags: LoginSourceFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const logins = await readLogins(deviceIds, flags, context)
  const client = await context.client()
  const gateways = new Map((await client.gateways.list()).map((gateway) => [gateway.gatewayId, gateway]))
  const recovery = await readRecovery(client)
  const byGateway = new Map<string, CameraCredentials[]>()
  for (const [deviceId, login] of logins) {
    const { gatewayId, sealingKey } = await gatewayOf(deviceId)
    const sealed = await sealCameraLogin(sealingKey, login, { kind: 'credentials', gatewayId, deviceId })
    const sealedForRecovery = await sealForRecovery(login, deviceId, recovery)
    byGateway.set(gatewayId, [...(byGateway.get(gatewayId) ?? []), { deviceId, sealed, sealedForRecovery }])
  }
  const batches = []
  for (const [gatewayId, devices] of byGateway) {
    for (let at = 0; at < devices.length; at += perRequest) {
      batches.push(await client.gateways.changeCredentials(gatewayId, devices.slice(at, at + perRequest)))
    }
  }
  return await tellResults(await awaitBatches(batches, client, context), flags, context)

  async function gatewayOf(deviceId: string) {
    const device = await client.devices.get(deviceId).catch((error: unknown) => {
      if (!isOcelliError(error) || error.kind !== 'not-found') throw error
      throw new CliError('not-found', `There is no camera ${deviceId}. Nothing was sent.`, { cause: error })
    })
    const gateway: Gateway | undefined = device.gatewayId === null ? undefined : gateways.get(device.gatewayId)
    if (gateway?.sealingKey) return { gatewayId: gateway.gatewayId, sealingKey: gateway.sealingKey }
    throw new CliError('refused', `The camera ${deviceId} has no gateway that takes sealed logins. Nothing was sent.`)
  }
}

/** By deviceId. */
async function readLogins(
  deviceIds: string[],
  flags: LoginSourceFlags,
  context: CommandContext,
): Promise<Map<string, CameraLoginSecret>> {
  if ((flags.csv === undefined) === (deviceIds.length === 0)) {
    throw wrongUsage('Name the cameras, with --user; or give a list with --csv: device;user;password')
  }
  if (flags.csv === undefined) {
    const login = await readCameraLogin(flags, context)
    if (!login) throw wrongUsage('Give the user name with --user.')
    return new Map(deviceIds.map((deviceId) => [deviceId, login]))
  }
  const rows = readCameraRows(await readNamedFile(flags.csv, context))
  const logins = new Map<string, CameraLoginSecret>()
  for (const { line, device, user, password } of rows) {
    if (!device || !user || !password) throw wrongUsage(`Line ${line} of the list needs device, user and password.`)
    if (logins.has(device)) throw wrongUsage(`Line ${line} of the list names ${device} a second time.`)
    logins.set(device, { user, password })
  }
  if (logins.size === 0) throw wrongUsage('The list names no camera.')
  return logins
}
