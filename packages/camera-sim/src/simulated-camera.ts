import type { LicenseType } from '@ocelli/license'
import type { AppState } from './apps/app.ts'
import type { FaultName, Faults } from './faults.ts'
import type { LoggedRequest } from './request-log.ts'

/** An app as the camera's technician sees it. */
export interface SimulatedApp {
  appId: string
  name: string
  version: string
  state: AppState
  status: string
  licenses: { licenseId: string; licenseType: LicenseType; validUntil: Date | null }[]
  /** What was set in it. */
  configuration: string
}

/** An app that somebody put on the camera by hand. */
export interface ForeignApp {
  appId: string
  name?: string
  version?: string
  versionCode?: number
  state?: 'Active' | 'Inactive'
}

/** What cameras of every kind have: enough to watch one and to make things go wrong. */
export interface AnyCamera {
  /** Address under the host that the camera listens on. */
  readonly url: string
  readonly port: number
  /** What licenses bind to. */
  readonly deviceId: string
  readonly isSecure: boolean
  /** Certificate in PEM when the camera speaks HTTPS, else null. */
  readonly certificate: string | null
  /** Requests so far, oldest first, at most 2000. */
  readonly requests: readonly LoggedRequest[]
  /** Logins with a wrong user or password, and all logins while locked. */
  readonly refusedLogins: number
  readonly isLockedOut: boolean
  /** Requests that change the camera, uploads among them, and were let in. */
  readonly writes: number
  /** False while it reboots, and after the end. */
  readonly isUp: boolean
  /** How often it has started again. */
  readonly reboots: number
  /** Calls the listener after each reboot; the function it gives ends that. */
  onUp(listener: () => void): () => void
  /** The camera's own time. */
  now(): Date
  apps(): readonly { appId: string }[]
  /** Puts an app there without any package. */
  installApp(app: ForeignApp): void
  /** Takes an app away, as a technician does. */
  removeApp(appId: string): void
  /** Faults in force. */
  readonly faults: Partial<Faults>
  setFault<Name extends FaultName>(name: Name, value: Faults[Name]): void
  clearFault(name: FaultName): void
  clearFaults(): void
  /** Becomes another camera: id, and what follows from it. */
  setDeviceId(deviceId: string): void
  /** Of the first administrator. */
  setCredentials(credentials: { user: string; password: string }): void
  clearRequests(): void
  /** As it left the factory, as far as its kind does that, and reboots. */
  factoryReset(): Promise<void>
  /** Goes away for `downMs`; resolves when it is back. Requests under way are cut; the clock may go back to 1970. */
  reboot(options?: { downMs?: number; resetsClock?: boolean }): Promise<void>
  /** Ends for good. */
  close(): Promise<void>
}

/** A running ONVIF camera, and everything a person standing before it could see or do. `url` is that of the device service. */
export interface SimulatedCamera extends AnyCamera {
  /** UUID of the WS-Discovery endpoint reference. */
  readonly endpointId: string
  /** Scopes as GetScopes gives them. */
  readonly scopes: readonly string[]
  apps(): SimulatedApp[]
  /** Sets something in an app, as its user does. */
  configureApp(appId: string, configuration: string): void
  /** Removes apps, licenses and the lock, sets clock and credentials back, and reboots. */
  factoryReset(): Promise<void>
}
