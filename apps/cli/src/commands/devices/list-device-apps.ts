import type { CommandContext } from '../../command-context.ts'
import { installationColumns } from '../installations/installation-columns.ts'

export async function listDeviceApps(deviceId: string, { client, out }: CommandContext): Promise<void> {
  const apps = await (await client()).devices.apps(deviceId)
  await out.list(apps, installationColumns, { empty: `No apps are known on ${deviceId}.` })
}
