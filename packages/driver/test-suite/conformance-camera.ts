import type { CameraTarget, LocalPackage } from '../src/index.ts'

/** What the suite makes go wrong. A protocol that cannot have such a fault leaves it out of `canFail`. */
export type CameraFault =
  | { kind: 'install-fails'; status: string }
  | { kind: 'install-never-ends' }
  | { kind: 'package-refused' }
  | { kind: 'storage-full' }
  | { kind: 'app-falls-back'; afterMs: number }
  | { kind: 'uninstall-never-ends' }
  | { kind: 'no-events' }
  | { kind: 'answers-garbage' }
  | { kind: 'start-reply-lost' }
  | { kind: 'restarts-while-installing' }
  | { kind: 'silent' }
  | { kind: 'password-rules'; rules: { minLength?: number; maxLength?: number; special?: number } }
  | { kind: 'password-refused'; words: string }
  | { kind: 'password-reply-lost' }

/** A camera of the protocol under test, and what a person standing before it sees and does. */
export interface ConformanceCamera {
  /** Where it is, with credentials that it accepts. */
  readonly target: CameraTarget
  readonly deviceId: string
  /** Logins it has refused so far. */
  readonly refusedLogins: number
  /** Requests so far, whatever they were. */
  readonly requests: number
  /** What happened to apps so far: uploads, starts, stops, removals, licenses. */
  readonly writes: number
  apps(): { appId: string; version: string; isRunning: boolean }[]
  /** Puts an app there by hand; it does not run. */
  putApp(appId: string): void
  removeApp(appId: string): void
  license(appId: string): Promise<string>
  fail(fault: CameraFault): void
  close(): Promise<void>
}

export interface CameraSetup {
  isSecure?: boolean
  /** Apps need a license to run. Default: false. */
  needsLicense?: boolean
}

/** How the suite gets cameras and packages of one protocol. Timings of the driver under test must be those of a test. */
export interface ConformanceHarness {
  startCamera(setup?: CameraSetup): Promise<ConformanceCamera>
  /** Writes a package that the cameras of that setup take; `version` as in `2.0`, which the package may write in more parts. */
  writePackage(version: string, setup?: CameraSetup): Promise<LocalPackage>
  /** Whether cameras of this protocol tell without a login that they run apps. */
  probeTellsApps: boolean
  /** What the camera's `deviceCode` holds when an installation fails for that reason; by default the reason itself. */
  failureWords?: (reason: string) => string
  canFail: ReadonlySet<CameraFault['kind']>
}
