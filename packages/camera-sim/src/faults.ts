import type { ChallengeShape } from './auth/digest.ts'
import type { AuthenticationMode } from './auth/gatekeeper.ts'
import type { PasswordRules } from './auth/password-rules.ts'

/** True for every SOAP operation, or the names of those concerned. */
export type OperationFilter = true | readonly string[]

/** What a loss of power in the middle of `step` does. */
export interface Reboot {
  step: 'upload' | 'install' | 'activate'
  downMs: number
  /** Whether the installation or start under way is there afterwards; lost by default. */
  inFlight?: 'lost' | 'completed'
  /** The clock stands at 1970 afterwards, as on cameras without a battery. */
  resetsClock?: boolean
}

/**
 * What can be made to go wrong while a camera runs. Each lasts until it is cleared, except those marked "once", which
 * clear themselves when they strike.
 */
export interface Faults {
  /** Every response waits this long, in ms. */
  slowMs: number
  /** Once: the connection of the nth request from now is cut before it is read (1 = the next). */
  dropRequest: number
  /** These operations are carried out, and the connection is cut instead of a reply. */
  dropReply: OperationFilter
  /** Uploads are read no faster than this. */
  uploadBytesPerSecond: number
  /** The connection is cut after so many bytes of an upload. */
  dropUploadAfterBytes: number
  /** Uploads are answered with this HTTP status, before their body is read. */
  refuseUpload: number
  /** Installations end as InstallationFailed with this Status. */
  failInstall: string
  installNeverFinishes: boolean
  uninstallNeverFinishes: boolean
  /** The package is looked into only so many ms after the upload was answered with 200. */
  lateIdentificationMs: number
  /** Once: reboots in the middle of that step. */
  rebootDuring: Reboot
  /** Added to the camera's clock, in ms. */
  clockOffsetMs: number
  /** Overrides the option `auth`. */
  auth: AuthenticationMode
  /** How Digest challenges are written. */
  challengeShape: ChallengeShape
  /** Addresses that the camera gives: those of another network, of itself, or none. */
  xaddr: 'private' | 'loopback' | 'garbage' | 'path-only'
  dateTimeNeedsAuthentication: boolean
  utcDateTimeMissing: boolean
  /** GetServices answers without capabilities, also when it is asked for them. */
  noCapabilities: boolean
  /** Children in replies of AppMgmt are in its namespace, as hand-written firmware has them. */
  qualifiedReplies: boolean
  /** What is wrong with pull points: refused, an address without host, an empty one, one that needs its parameters. */
  pullPoint: 'refused' | 'hostless' | 'empty' | 'reference-parameters'
  /** No event service at all. */
  noEvents: boolean
  /** Subscriptions work, and nothing ever comes. */
  silentEvents: boolean
  /** The id reported instead of the camera's own; licenses are judged by it as well. */
  deviceId: string
  /** A web page with status 200 instead of a reply. */
  htmlReply: OperationFilter
  /** A reply that ends in the middle. */
  malformedXml: OperationFilter
  /** A started app is Inactive again after so many ms. */
  appFallsBackMs: number
  noKeepAlive: boolean
  /** A second connection is cut while there is one. */
  oneConnection: boolean
  /** Replies are padded to at least so many bytes. */
  hugeReplyBytes: number
  /** Whether Content-Type must carry the parameter `action`, or must not. */
  actionParameter: 'required' | 'refused'
  /** HTTP status of all SOAP faults. */
  faultStatus: 200 | 400 | 500
  /** These operations fail with env:Receiver / ter:Action and this reason. */
  failOperation: { operations: OperationFilter; reason: string }
  /** GetServices is not known; only GetCapabilities is. */
  noGetServices: boolean
  /** What is asked of new passwords; ONVIF tells it. */
  passwordRules: PasswordRules
  /** New passwords are refused with these words, by a policy that nothing tells. */
  refusePassword: string
  /** A new password is taken, and counts only so many ms later. */
  passwordTakesMs: number
  /** A new password is taken, and the one before goes on counting. */
  keepsPassword: boolean
  /** Axis: these CGIs do nothing and answer `Error: code`. */
  cgiError: { operations: OperationFilter; code: number }
  /** Axis: uploads end with `Error: 15`, outcome unknown, and the app is there or not. */
  uploadOutcomeUnknown: 'installed' | 'lost'
  /** Axis: there is no room for anything more. */
  flashFull: boolean
  /** Axis: another client is uploading all the time. */
  uploadBusy: boolean
  /** Axis: the camera does not believe any signature. */
  signatureRefused: boolean
}

export type FaultName = keyof Faults

/** The faults in force. */
export interface FaultSet {
  get<Name extends FaultName>(name: Name): Faults[Name] | undefined
  /** A copy of those in force. */
  all(): Partial<Faults>
  set<Name extends FaultName>(name: Name, value: Faults[Name]): void
  clear(name: FaultName): void
  clearAll(): void
  concerns(name: 'dropReply' | 'htmlReply' | 'malformedXml' | 'cgiError', operation: string): boolean
  /** Once: the reboot that was asked for at that step. */
  takeReboot(step: Reboot['step']): Reboot | null
  /** Counts a request; true when it is the one to cut. */
  takeDrop(): boolean
}

export function createFaultSet(initial: Partial<Faults> = {}): FaultSet {
  let faults: Partial<Faults> = { ...initial }
  return {
    get: (name) => faults[name],
    all: () => ({ ...faults }),
    set(name, value) {
      faults[name] = value
    },
    clear(name) {
      delete faults[name]
    },
    clearAll() {
      faults = {}
    },
    concerns(name, operation) {
      const filter = name === 'cgiError' ? faults.cgiError?.operations : faults[name]
      return includesOperation(filter, operation)
    },
    takeReboot(step) {
      const wanted = faults.rebootDuring
      if (wanted?.step !== step) return null
      delete faults.rebootDuring
      return wanted
    },
    takeDrop() {
      if (faults.dropRequest === undefined) return false
      faults.dropRequest -= 1
      if (faults.dropRequest > 0) return false
      delete faults.dropRequest
      return true
    },
  }
}

export function includesOperation(filter: OperationFilter | undefined, operation: string): boolean {
  return filter === true || (filter?.includes(operation) ?? false)
}
