import { addCamera } from '../cameras/add-camera.ts'
import { createCameraStore } from '../cameras/camera-store.ts'
import { awaitIdentity } from '../platform/gateway-identity.ts'
import { createPlatformApi } from '../platform/platform-api.ts'
import { GatewayError } from '../state/gateway-error.ts'
import { openStateFolder } from '../state/state-folder.ts'
import { readPassword } from './camera-password.ts'
import type { CommandContext } from './command-context.ts'
import { openLog } from './open-log.ts'

export interface CameraAddFlags {
  address: string
  user: string
  passwordFile?: string
  site?: string
  name?: string
  allowLegacyTls?: boolean
  tryAgain?: boolean
}

export async function cameraAddCommand(flags: CameraAddFlags, context: CommandContext): Promise<void> {
  const { env, clock, drivers, signal, print, say } = context
  const { folder, cameras } = await openCameras(context)
  const password = await readPassword(flags, context)
  const onWait = () => say('This gateway is not enrolled yet. Waiting 10 seconds for it.')
  const identity = await awaitIdentity(folder, { clock, signal, onWait })
  const api = createPlatformApi({ identity: () => identity, clock, env })
  const camera = await addCamera({
    ...{ folder, cameras, api, identity, clock, drivers, signal },
    address: flags.address,
    credentials: { user: flags.user, password },
    siteId: flags.site ?? null,
    name: flags.name ?? null,
    allowLegacyTls: flags.allowLegacyTls ?? false,
    insists: flags.tryAgain ?? false,
  })
  print(camera.deviceId)
  say(`The camera ${camera.deviceId} at ${camera.address} is claimed. A running gateway takes it up by itself.`)
  if (camera.address.startsWith('http:')) say('It answers without encryption only; consider switching https on there.')
}

export async function cameraListCommand(flags: { json?: boolean }, context: CommandContext): Promise<void> {
  const { cameras } = await openCameras(context)
  const rows = cameras
    .list()
    .map(({ credentials, ...shown }) => ({ ...shown, user: credentials?.user ?? null }))
    .sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
  if (flags.json) context.print(JSON.stringify(rows, null, 2))
  else
    for (const row of rows) context.print([row.deviceId, row.driver, row.address, row.name ?? ''].join('\t').trimEnd())
  if (rows.length === 0) context.say('This gateway has no cameras yet. Add one with: ocelli-gateway camera add')
}

export async function cameraRemoveCommand(deviceId: string, context: CommandContext): Promise<void> {
  const { cameras } = await openCameras(context)
  if (!cameras.get(deviceId)) {
    throw new GatewayError('not-found', `This gateway has no camera ${deviceId}. See: ocelli-gateway camera list`)
  }
  await cameras.remove(deviceId)
  context.say(
    `The camera ${deviceId} and its password are forgotten here. The platform keeps it until it is unclaimed.`,
  )
}

async function openCameras({ home, clock }: CommandContext) {
  const folder = await openStateFolder(home)
  return { folder, cameras: await createCameraStore({ folder, clock, log: openLog('error'), watchEveryMs: null }) }
}
