import type { LicenseType } from '@ocelli/license'

/** AppMgmt states that an installed app can be in. `Removed` and `InstallationFailed` exist in events only. */
export type AppState = 'Active' | 'Inactive' | 'Installing' | 'Uninstalling'

export interface InstalledLicense {
  licenseId: string
  licenseType: LicenseType
  /** Milliseconds since 1970. */
  validFromMs: number
  validUntilMs: number | null
  /** The license file as it was given; judged again at each start. */
  text: string
}

/** What a package brings along, as far as the camera keeps it. */
export interface AppVersion {
  name: string
  /** Shown to clients; of packages, the versionName. */
  version: string
  versionCode: number
  /** SHA-256 of the signing certificate; null for apps that were put there without a package. */
  signer: string | null
  /** What the package takes of the camera's storage. */
  sizeBytes: number
}

export interface InstalledApp extends AppVersion {
  appId: string
  state: AppState
  status: string
  licenses: InstalledLicense[]
  installedMs: number
  updatedMs: number
  /** Whether it runs again after a reboot: set by Activate, cleared by Deactivate. */
  autostart: boolean
  /** What was set in the app: kept by an update, gone with a removal. */
  configuration?: string
  /** While it is Installing: the version to go back to, null for a first installation. */
  previous: (AppVersion & { updatedMs: number }) | null
}
