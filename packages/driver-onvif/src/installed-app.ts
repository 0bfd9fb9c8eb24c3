import type { InstalledApp } from '@ocelli/driver'
import type { AppInfo, AppState } from '@ocelli/onvif'

const STATES: Record<AppState, InstalledApp['state']> = {
  Active: 'RUNNING',
  Inactive: 'NOT_RUNNING',
  Installing: 'INSTALLING',
  Uninstalling: 'UNINSTALLING',
  Removed: 'UNKNOWN',
  InstallationFailed: 'UNKNOWN',
  Unknown: 'UNKNOWN',
}

export function toInstalledApp(app: AppInfo): InstalledApp {
  return {
    appId: app.appId,
    name: app.name || null,
    version: app.version || null,
    state: STATES[app.state],
    status: app.status || null,
    licenses: app.licenses.map(({ name, validUntil }) => ({ name, validUntil: validUntil?.toISOString() ?? null })),
  }
}

/** Whether an app is on the camera: `Removed` is for events, but some cameras keep listing it. */
export function isPresent(app: AppInfo): boolean {
  return app.state !== 'Removed'
}

/** What package formats the camera's MIME types stand for; ONVIF fixes no names, and plain bytes are what Android cameras list. */
export function toAppFormats(mimeTypes: readonly string[]): string[] {
  const takesApk = mimeTypes.some((type) =>
    ['application/vnd.android.package-archive', 'application/octet-stream', 'application/zip'].includes(
      type.toLowerCase(),
    ),
  )
  return takesApk ? ['apk'] : []
}
