import type { CopyProtection, EapPackage } from '@ocelli/app-package'
import type { AxisLicenseKey } from './license-key.ts'

export type AxisAppStatus = 'Running' | 'Stopped' | 'Idle'

/** What list.cgi says of an app's license. */
export type AxisLicenseState = 'Valid' | 'Invalid' | 'Missing' | 'Custom' | 'None'

/** An app as the camera keeps it. */
export interface AxisApp {
  name: string
  niceName: string | null
  vendor: string | null
  version: string
  applicationId: string | null
  vendorId: string | null
  copyProtection: CopyProtection
  licenseKey: AxisLicenseKey | null
  /** Only for apps of Axis itself, whose license is called so. */
  licenseName: string
  status: AxisAppStatus
  settingPage: string | null
  isSigned: boolean
  isBundled: boolean
  compatibleOsVersions: EapPackage['compatibleOsVersions']
  parameters: { name: string; value: string }[]
  /** Paths that the app answers itself, and what was posted there. */
  httpPaths: readonly string[]
  received: Map<string, string>
  sizeBytes: number
  log: string[]
}

/** Apps by their exact name, in the order of their installation. */
export interface AxisAppShelf {
  all(): readonly AxisApp[]
  find(name: string): AxisApp | undefined
  put(app: AxisApp): void
  remove(name: string): void
  usedBytes(): number
  clear(): void
}

export function createAppShelf(initial: readonly AxisApp[]): AxisAppShelf {
  const apps = new Map(initial.map((app) => [app.name, app]))
  return {
    all: () => [...apps.values()],
    find: (name) => apps.get(name),
    put: (app) => void apps.set(app.name, app),
    remove: (name) => void apps.delete(name),
    usedBytes: () => [...apps.values()].reduce((sum, app) => sum + app.sizeBytes, 0),
    clear: () => apps.clear(),
  }
}
