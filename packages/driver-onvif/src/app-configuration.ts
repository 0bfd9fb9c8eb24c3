import { DriverError } from '@ocelli/driver'
import type { AppManagement } from '@ocelli/onvif'

type Tools = { management: AppManagement; signal: AbortSignal }

/** What the camera hands out of the app's configuration; null where it hands out none. */
export async function saveConfiguration(appId: string, { management, signal }: Tools): Promise<Uint8Array | null> {
  return await management.getConfiguration(appId, { signal })
}

/** Gives a configuration to an app. Throws `refused` where the version that is there takes none, or not this one. */
export async function restoreConfiguration(
  { appId, configuration }: { appId: string; configuration: Uint8Array },
  { management, signal }: Tools,
): Promise<void> {
  if (await management.putConfiguration({ appId, configuration }, { signal })) return
  throw new DriverError('refused', `The version of ${appId} that is installed now takes no configuration.`)
}
