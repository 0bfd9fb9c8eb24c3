import type { ApkPackage, PlatformSignature } from '@ocelli/app-package'
import type { PublicLicenseKey } from '@ocelli/license'
import type { CameraUser } from './auth/access.ts'
import type { AuthenticationMode } from './auth/gatekeeper.ts'
import type { LockoutPolicy } from './auth/lockout.ts'
import type { Faults } from './faults.ts'
import type { SimTime } from './time.ts'

/** Reads an uploaded package; rejects with a sentence for a person when it is none. */
export type PackageReader = (
  path: string,
  options: { signal: AbortSignal },
) => Promise<
  Pick<ApkPackage, 'appId' | 'versionCode' | 'versionName' | 'minPlatformLevel' | 'architectures' | 'label'> & {
    /** Without `signatures`, one certificate for all platforms. */
    signer: { certificateSha256: string; signatures?: readonly PlatformSignature[] }
  }
>

/**
 * What a simulated ONVIF camera is made of. Left out: free port of 127.0.0.1, API level 33, Digest, every app needs a license,
 * five refused logins lock for 5 minutes, no faults.
 */
export interface CameraOptions {
  /** Identity that GetDeviceId reports and licenses bind to. */
  deviceId: string
  /** An administrator. */
  user: string
  password: string
  /** Further users, of any level. */
  users?: readonly CameraUser[]
  host?: string
  /** 0 takes a free one. */
  port?: number
  /** Root or signing keys whose licenses are believed. */
  trust?: readonly PublicLicenseKey[]
  /** Apps that do not start without a license: all of them, none, or these ids. */
  licenseRequired?: 'all' | 'none' | readonly string[]
  /** Apps whose configuration can be saved and restored: all of them, none (the default), or these ids. */
  configurable?: 'all' | 'none' | readonly string[]
  manufacturer?: string
  model?: string
  firmwareVersion?: string
  serialNumber?: string
  macAddress?: string
  /** Android API level of the camera; packages that need more fail to install. */
  platformLevel?: number
  /** Names such as `arm64-v8a`; packages with other native code only fail to install. Empty: everything fits. */
  architectures?: readonly string[]
  clockOffsetMs?: number
  /** How long an installation takes. */
  installMs?: number
  uninstallMs?: number
  /** Apps are Active right after they were installed, when they may run. */
  activateAfterInstall?: boolean
  auth?: AuthenticationMode
  /** Refused logins in a row until the lock, 0 for none. */
  maxRefused?: number
  /** Null never locks. Overrides `maxRefused`. */
  lockout?: LockoutPolicy | null
  /** Answers requests whose elements are in the wrong namespace, as hand-written firmware does. */
  lenient?: boolean
  /** Longest package taken, in bytes; more is 413. */
  maxPackageBytes?: number
  /** Storage for apps, in bytes; a package that does not fit beside what is installed is 507. */
  freeBytes?: number
  /** An upload that takes longer is 408. */
  uploadTimeoutMs?: number
  /** How long a reboot takes. */
  downMs?: number
  /** Where uploads lie until they are read. */
  temporaryFolder?: string
  /** Where apps, licenses and clock outlive the process. */
  stateFile?: string
  readPackage?: PackageReader
  https?: boolean
  faults?: Partial<Faults>
  time?: SimTime
}

/** Options with every default in place. */
export type TotalOptions = Omit<Required<CameraOptions>, 'stateFile' | 'serialNumber' | 'macAddress' | 'maxRefused'> & {
  stateFile: string | null
  serialNumber: string | null
  macAddress: string | null
}
