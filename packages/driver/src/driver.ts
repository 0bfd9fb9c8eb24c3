import type {
  AppDowngrade,
  DeviceFacts,
  DriverName,
  LicenseCheckedBy,
  LicensePlacement,
  PackageFormat,
  RunningState,
} from '@ocelli/contract'
import type { Discover } from './discovery.ts'

/** How to reach one camera. The password lives at the gateway and is never logged. */
export interface CameraTarget {
  /** `http://192.0.2.7`, `https://192.0.2.7:8443` */
  address: string
  credentials: { user: string; password: string } | null
  tls: {
    /** SHA-256 of the camera's certificate (DER, lower-case hex), pinned at claim; null before the claim. */
    pinnedSha256: string | null
    /** TLS below 1.2, by a switch per camera. */
    allowLegacy: boolean
  }
}

/** What a camera says of itself. Licenses bind to `deviceId`; it is verbatim and needs a login on ONVIF. */
export interface DeviceIdentity {
  deviceId: string
  /** Where it was read, for example `onvif:GetDeviceId`; frozen at claim together with the id. */
  source: string
}

/** Answer of a probe, which needs no login. */
export interface ProbeResult {
  /** A camera of this protocol answers at the address. */
  speaks: boolean
  /** It can run apps; null when that cannot be told without a login. */
  runsApps: boolean | null
  /** One sentence for a person: can this camera run apps, over what, what is missing. */
  detail: string
  manufacturer: string | null
  model: string | null
  /** It is as it left the factory: nobody has set a password. Absent or null: cannot be told. */
  needsFirstPassword?: boolean | null
  /** Camera clock minus ours, milliseconds; null when the camera did not tell. */
  clockOffsetMs: number | null
  /** Certificate seen on https, SHA-256 hex, and its end (RFC 3339; null where it cannot be read). */
  certificate: { sha256: string; expiresAt: string | null } | null
}

/** An app on the camera as the camera lists it, whoever put it there. */
export interface InstalledApp {
  appId: string
  name: string | null
  version: string | null
  state: 'RUNNING' | 'NOT_RUNNING' | 'INSTALLING' | 'UNINSTALLING' | 'UNKNOWN'
  /** The camera's own words for the state; error text when it failed. */
  status: string | null
  licenses: { name: string; validUntil: string | null }[]
}

/** What the platform is told of the state that a camera lists: an app that is being installed or removed is not known to run. */
export const toRunningState = (state: InstalledApp['state']): RunningState =>
  state === 'RUNNING' || state === 'NOT_RUNNING' ? state : 'UNKNOWN'

/** A package on local disk, already checked against its SHA-256. */
export interface LocalPackage {
  path: string
  size: number
  format: PackageFormat
  appId: string
  version: string
  versionCode: number
}

/** A call ends with its signal, which bounds the whole of it; how long one answer may take is the driver's own. */
export interface CallOptions {
  signal: AbortSignal
}

export interface InstallOptions extends CallOptions {
  /** Share of the upload that the camera has taken, 0 to 100, and that it is installing after it: at first and whenever it has answered. */
  onProgress?: (progress: { step: 'UPLOAD' | 'INSTALL'; percent: number | null }) => void
  /** Asked before each piece of the package: resolves when so many bytes more may go to the camera. Absent: at once. */
  pace?: Pace
}

/** Rejects with the signal's reason. */
export type Pace = (bytes: number, signal: AbortSignal) => Promise<void>

/** A license on its way to an app. */
export interface LicenseRequest {
  appId: string
  /** The license file's text. */
  license: string
  /** Where the app's listing says that it goes; null or absent: to the camera, where its protocol has a place for it. */
  placement?: LicensePlacement | null
}

/** A new password for the user that the driver logs in as. */
export interface PasswordChange {
  password: string
  /**
   * Awaited right before the one request that may change the camera: whatever fails before it has changed nothing, and what fails after
   * it may have. When it throws, that request is not made.
   */
  beforeSending: () => Promise<void>
}

/** Who looks at a placed license: the camera, the app itself, or nobody, and then units are counted and nothing more. */
export interface PlacedLicense {
  checkedBy: LicenseCheckedBy
}

/**
 * One camera through one protocol. One request is in flight at a time. Every call throws DriverError.
 * Codes of the camera that mean "already so" are successes. A refused login is tried at most twice and then thrown.
 */
export interface Driver {
  readonly name: DriverName
  readonly capabilities: { downgrade: AppDowngrade }
  /** Logins with credentials that the camera has refused since it was opened. Absent: not counted. */
  readonly refusedLogins?: number
  /** With login. */
  readIdentity(options: CallOptions): Promise<DeviceIdentity>
  readFacts(options: CallOptions): Promise<DeviceFacts>
  /** Camera clock minus ours in milliseconds. */
  readClockOffset(options: CallOptions): Promise<number | null>
  /** By what the camera shows itself in discovery, `urn:uuid:...`; null when it tells none. Absent: the protocol has none. */
  readEndpointReference?(options: CallOptions): Promise<string | null>
  /**
   * Sets the camera's clock to ours, by hand: a camera that took its time from NTP no longer does. Gives its clock minus ours before
   * and after. Absent: the protocol cannot.
   */
  setClock?(options: CallOptions): Promise<{ beforeMs: number | null; afterMs: number | null }>
  /**
   * Gives the user that this driver logs in as a new password; its rights stay. Resolves when the camera has said that it took it, which
   * a login with it must prove: this driver goes on with the password before, so it is closed afterwards. Throws `password-refused` for
   * one that the camera's rules do not allow, `refused` and `unsupported` with the password before in force; after any other error
   * behind `beforeSending` only a login tells which of the two counts. Absent: the protocol cannot.
   */
  setPassword?(change: PasswordChange, options: CallOptions): Promise<void>
  listApps(options: CallOptions): Promise<InstalledApp[]>
  /** Installs or updates. Resolves when the camera lists the app in the package's version and is no longer installing. */
  install(localPackage: LocalPackage, options: InstallOptions): Promise<InstalledApp>
  /** Where nobody would look at the license nothing is written; that is a success and said in the answer. */
  placeLicense(request: LicenseRequest, options: CallOptions): Promise<PlacedLicense>
  /** Takes an app's license away. One that is not there is a success. Absent: this protocol knows no such thing. */
  removeLicense?(request: Pick<LicenseRequest, 'appId' | 'placement'>, options: CallOptions): Promise<void>
  /** Resolves when the camera reports it running; throws `app-fell-back` when it stops again by itself. */
  start(appId: string, options: CallOptions): Promise<void>
  stop(appId: string, options: CallOptions): Promise<void>
  /**
   * The app's configuration as the camera hands it out, an opaque file; null when it hands none out for this app.
   * Absent: the protocol knows no such thing.
   */
  saveConfiguration?(appId: string, options: CallOptions): Promise<Uint8Array | null>
  /** Gives a saved configuration back to the app; throws `refused` when this version does not take it. */
  restoreConfiguration?(request: { appId: string; configuration: Uint8Array }, options: CallOptions): Promise<void>
  /** Resolves when the camera no longer lists the app. */
  uninstall(appId: string, options: CallOptions): Promise<void>
  /** A hint that something about the apps changed; ends with the signal. Null: this camera has no events, poll. */
  watch(options: CallOptions): AsyncIterable<{ appId: string }> | null
  /** The certificate seen last on https. */
  certificate(): { sha256: string; expiresAt: string | null } | null
  close(): Promise<void>
}

/** A protocol. Loaded lazily by the gateway. */
export interface DriverModule {
  readonly name: Driver['name']
  probe(target: CameraTarget, options: CallOptions): Promise<ProbeResult>
  /**
   * Gives a camera as it left the factory its first user, with the target's credentials. Never called but on a person's word.
   * Throws `refused` for a camera that has a user already. Absent: this protocol knows no such thing.
   */
  createFirstUser?(target: CameraTarget, options: CallOptions): Promise<void>
  open(target: CameraTarget): Driver
  /** Absent: cameras of this protocol are reached by their address only. */
  readonly discover?: Discover
}
