import type { DiscoverableCamera } from '../discovery/responder.ts'
import type { FaultName, Faults } from '../faults.ts'
import type { LoggedRequest } from '../request-log.ts'
import type { ForeignApp } from '../simulated-camera.ts'
import type { AxisAppStatus, AxisLicenseState } from './axis-app.ts'

/** An app as list.cgi tells it. */
export interface SimulatedAxisApp {
  appId: string
  name: string
  version: string
  state: AxisAppStatus
  license: AxisLicenseState
  /** `YYYY-MM-DD` of the license key; null without one, or without end. */
  licenseExpires: string | null
  isSigned: boolean
  parameters: Readonly<Record<string, string>>
  /** What was posted to the app, by path below `/local/<appId>/`. */
  received: Readonly<Record<string, string>>
}

/** A running Axis camera, and everything a person standing before it could see or do. */
export interface SimulatedAxisCamera {
  readonly kind: 'axis'
  /** Address of the camera without path, under the host that it listens on. */
  readonly url: string
  readonly port: number
  /** The serial number, which is the MAC address without colons. */
  readonly deviceId: string
  /** AXIS OS, whole, such as `11.11.73`. */
  readonly osVersion: string
  readonly model: string
  readonly isSecure: boolean
  /** Certificate in PEM when the camera speaks HTTPS, else null. */
  readonly certificate: string | null
  /** Requests so far, oldest first, at most 2000. */
  readonly requests: readonly LoggedRequest[]
  readonly refusedLogins: number
  readonly isLockedOut: boolean
  /** Requests that change the camera and were let in. */
  readonly writes: number
  readonly isUp: boolean
  readonly reboots: number
  /** Changes with every start. */
  readonly bootId: string
  /** Its ONVIF side, as WS-Discovery tells it; `url` is that of the device service. */
  readonly onvif: DiscoverableCamera
  /** No user was made yet. */
  readonly needsSetup: boolean
  onUp(listener: () => void): () => void
  /** The camera's own time. */
  now(): Date
  apps(): SimulatedAxisApp[]
  /** Puts an app there without any package, as one that came with the camera. */
  installApp(app: ForeignApp): void
  removeApp(appId: string): void
  readonly faults: Partial<Faults>
  setFault<Name extends FaultName>(name: Name, value: Faults[Name]): void
  clearFault(name: FaultName): void
  clearFaults(): void
  /** Becomes another camera. */
  setDeviceId(serialNumber: string): void
  /** Changes name and password of the first administrator. */
  setCredentials(credentials: { user: string; password: string }): void
  setAllowUnsigned(isAllowed: boolean): void
  clearRequests(): void
  /** Removes apps, users and settings, and reboots; the camera needs setup then. */
  factoryReset(): Promise<void>
  /** Goes away for `downMs`; resolves when it is back. Requests under way are cut. */
  reboot(options?: { downMs?: number; resetsClock?: boolean }): Promise<void>
  close(): Promise<void>
}
