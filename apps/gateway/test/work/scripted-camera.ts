import type { AppDowngrade } from '@ocelli/contract'
import type { Finding, InstalledApp } from '@ocelli/driver'

/** The calls of a driver that change a camera. */
export type WriteName =
  | 'setPassword'
  | 'restoreConfiguration'
  | 'install'
  | 'placeLicense'
  | 'removeLicense'
  | 'start'
  | 'stop'
  | 'uninstall'

/** A camera as a driver sees it, scripted by a test: what it holds, whether it answers, what happens inside a write. */
export interface ScriptedCamera {
  deviceId: string
  password: string
  certificateSha256: string
  isReachable: boolean
  apps: Map<string, InstalledApp>
  /** Every write that reached it, `install com.example.counter 4.0.0`. */
  writes: string[]
  refusedLogins: number
  /** What a refused login costs of the camera's lockout. */
  refusalCost: 1 | 2
  probes: number
  looks: number
  /** Called inside a write, before and after its effect; may throw or wait. */
  during: (moment: { write: WriteName; when: 'before' | 'after'; signal: AbortSignal }) => Promise<void>
  /** Called while a package is on its way to it; asks before each piece. */
  takePackage: (ask: (bytes: number) => Promise<void>, signal: AbortSignal) => Promise<void>
  /** Called inside a read, once its answer is fixed. */
  duringRead: (read: 'identity' | 'list') => Promise<void>
  /** Connections opened to it. */
  opened: number
  /** Its firmware's: a connection learns its habits, and is not understood after an upgrade. */
  generation: number
  listsLicenses: boolean
  /** Its protocol knows how to take a license away. */
  takesLicenses: boolean
  downgrade: AppDowngrade
  /** What the camera hands out of apps' configurations, by app id. */
  configurations: Map<string, string>
  /** Versions that take no configuration back. */
  refusesConfiguration: boolean
  /** What it shows without a login, wherever it is looked for; its endpoint reference, in discovery and with a login. */
  shows: Partial<Finding>
  /** It does not hear a multicast. */
  isBehindRouter: boolean
  /** Times that it was asked by address without a login. */
  asked: number
}

/** One that answers, holds no apps and does everything it is asked for. */
export function createScriptedCamera(deviceId: string): ScriptedCamera {
  return {
    ...{
      deviceId,
      password: 'correct',
      certificateSha256: 'a'.repeat(64),
      isReachable: true,
      apps: new Map(),
      writes: [],
    },
    ...{
      refusedLogins: 0,
      refusalCost: 2,
      probes: 0,
      looks: 0,
      during: async () => undefined,
      takePackage: async () => undefined,
      duringRead: async () => undefined,
      opened: 0,
      generation: 1,
      listsLicenses: true,
      takesLicenses: true,
      downgrade: 'NONE',
      configurations: new Map(),
      refusesConfiguration: false,
      shows: { endpointReference: `urn:uuid:${deviceId}` },
      isBehindRouter: false,
      asked: 0,
    },
  }
}

/** An app as a camera lists it: 4.0.0, not running, but for the changes. */
export const listedApp = (appId: string, changes: Partial<InstalledApp> = {}): InstalledApp => ({
  ...{ appId, name: appId, version: '4.0.0', state: 'NOT_RUNNING', status: null, licenses: [] },
  ...changes,
})
