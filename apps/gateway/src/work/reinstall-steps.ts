import type { AppConfiguration } from '@ocelli/contract'
import { type Driver, DriverError } from '@ocelli/driver'
import type { CameraLink } from './camera-link.ts'
import type { SavedConfiguration, SavedConfigurations } from './saved-configurations.ts'

export interface ReinstallTools {
  link: CameraLink
  configurations: SavedConfigurations
}

export interface ReinstallRequest {
  appId: string
  /** What goes wrong now is not tried again: the configuration is given up, not the installation. */
  isLastTry: boolean
  signal: AbortSignal
}

/** Saves the app's configuration where the camera hands it out, once, and removes the app. */
export async function makeWay(request: ReinstallRequest, { link, configurations }: ReinstallTools): Promise<void> {
  const { appId, signal } = request
  if ((await configurations.get(appId)) === null) await configurations.put(appId, await save(request, link))
  await link.write((driver) => driver.uninstall(appId, { signal }), { signal })
}

async function save({ appId, isLastTry, signal }: ReinstallRequest, link: CameraLink): Promise<SavedConfiguration> {
  try {
    // by the way of a write, which proves first that this is the camera: what is saved is what it gets back
    const read = async (driver: Driver) => (await driver.saveConfiguration?.(appId, { signal })) ?? null
    const configuration = await link.write(read, { signal })
    return configuration === null ? { kind: 'none' } : { kind: 'saved', configuration }
  } catch (error) {
    if (isGivenUp(error, isLastTry)) return { kind: 'failed' }
    throw error
  }
}

/** Gives the saved configuration to the app that is there now, and says what became of it. */
export async function restore(
  { appId, isLastTry, signal }: ReinstallRequest,
  { link, configurations }: ReinstallTools,
): Promise<AppConfiguration> {
  const saved = await configurations.get(appId)
  if (saved === null || saved.kind === 'failed') return 'LOST'
  if (saved.kind === 'none') return 'NOT_OFFERED'
  const { configuration } = saved
  const give = async (driver: Driver) => {
    if (!driver.restoreConfiguration) throw new DriverError('unsupported', 'This protocol takes no configuration back.')
    await driver.restoreConfiguration({ appId, configuration }, { signal })
  }
  try {
    await link.write(give, { signal })
    return 'RESTORED'
  } catch (error) {
    if (isGivenUp(error, isLastTry)) return 'LOST'
    throw error
  }
}

/** A refused login is never hidden: it ends all work on the camera. */
function isGivenUp(error: unknown, isLastTry: boolean): boolean {
  if (!(error instanceof DriverError)) return false
  if (['credentials-refused', 'certificate-changed', 'needs-first-password', 'cancelled'].includes(error.code))
    return false
  return isLastTry || !error.retryable
}
