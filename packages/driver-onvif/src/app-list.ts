import type { InstalledApp } from '@ocelli/driver'
import type { AppInfo, AppManagement, AppState } from '@ocelli/onvif'

const STATES: Record<AppState, InstalledApp['state']> = {
  Active: 'RUNNING',
  Inactive: 'NOT_RUNNING',
  Installing: 'INSTALLING',
  Uninstalling: 'UNINSTALLING',
  Removed: 'UNKNOWN',
  InstallationFailed: 'UNKNOWN',
  Unknown: 'UNKNOWN',
}

/** ONVIF's description of an app in the drivers' words; what the camera left empty is null. */
export function toInstalledApp(info: AppInfo): InstalledApp {
  return {
    appId: info.appId,
    name: info.name || null,
    version: info.version || null,
    state: STATES[info.state],
    status: info.status || null,
    licenses: info.licenses.map(({ name, validUntil }) => ({ name, validUntil: validUntil?.toISOString() ?? null })),
  }
}

/** The apps that are there. `Removed` belongs in events only; cameras that list such apps mean that they are gone. */
export async function listInfos(management: AppManagement, signal: AbortSignal): Promise<AppInfo[]> {
  return (await management.getAppsInfo(undefined, { signal })).filter(({ state }) => state !== 'Removed')
}

/** One app as the camera lists it now; null when it does not. */
export async function findInfo(
  management: AppManagement,
  appId: string,
  { signal }: { signal: AbortSignal },
): Promise<AppInfo | null> {
  const infos = await management.getAppsInfo(appId, { signal })
  return infos.find((info) => info.appId === appId && info.state !== 'Removed') ?? null
}

export const isInTransition = ({ state }: AppInfo): boolean => state === 'Installing' || state === 'Uninstalling'
