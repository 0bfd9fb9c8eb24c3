import type { DriverTable } from '@ocelli/driver'
import type { CameraStore } from '../cameras/camera-store.ts'
import type { LoginDesk } from '../cameras/login-desk.ts'
import type { PasswordChanges } from '../cameras/password-changes.ts'
import type { Channel } from '../channel/channel.ts'
import type { PackageCache } from '../packages/package-cache.ts'
import type { Clock } from '../state/clock.ts'
import type { Log } from '../state/log.ts'
import type { StateFolder } from '../state/state-folder.ts'

export type DiscoveryMode = 'on' | 'ranges' | 'off'

/** Everything `createGateway` stands on. It opens none of it and closes none of it: closing the channel says `gone`. */
export interface GatewayOptions {
  stateFolder: StateFolder
  channel: Channel
  cameras: CameraStore
  packages: PackageCache
  drivers: DriverTable
  clock: Clock
  /** 0 <= random() < 1 */
  random: () => number
  log: Log
  version: string
  /** How often a camera without work is looked at; one that has not answered three times is offline. Default a minute. */
  probeEveryMs?: number
  /** How cameras that moved are looked for: on the local networks and in the site's ranges, in the ranges only, not at all. */
  discovery?: DiscoveryMode
  /** Carries out sealed logins of cameras; without it they are left unanswered. */
  loginDesk?: LoginDesk
  /** New passwords of cameras in doubt; those of the desk. */
  passwords?: PasswordChanges
}

/** The gateway's work, from hello to the last report. */
export interface Gateway {
  /**
   * Works until the signal aborts: then no new step begins, a running one is cut short, and the promise resolves within
   * 5 s. What was cut short is planned again by the next `run` on the same folder. May be called once.
   */
  run(signal: AbortSignal): Promise<void>
}
