import type { DiscoverableCamera } from '../discovery/responder.ts'
import type { AnyCamera } from '../simulated-camera.ts'
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

/** A running Axis camera. Its id is the serial number, which is the MAC address without colons; `url` has no path. */
export interface SimulatedAxisCamera extends AnyCamera {
  readonly kind: 'axis'
  /** AXIS OS, whole, such as `11.11.73`. */
  readonly osVersion: string
  readonly model: string
  /** Changes with every start. */
  readonly bootId: string
  /** Its ONVIF side, as WS-Discovery tells it; `url` is that of the device service. */
  readonly onvif: DiscoverableCamera
  /** No user was made yet. */
  readonly needsSetup: boolean
  apps(): SimulatedAxisApp[]
  setAllowUnsigned(isAllowed: boolean): void
  /** Removes apps, users and settings, and reboots; the camera needs setup then. */
  factoryReset(): Promise<void>
}
