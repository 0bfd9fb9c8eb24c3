import type { EapPackage } from '@ocelli/app-package'
import type { PublicLicenseKey } from '@ocelli/license'
import type { LockoutPolicy } from '../auth/lockout.ts'
import type { Faults } from '../faults.ts'
import type { SimTime } from '../time.ts'

/** Groups of an Axis camera's own users, from least to most. */
export type AxisGroup = 'viewer' | 'operator' | 'administrator'

/** A user of the camera's own list, or of the one of its ONVIF: an Axis camera keeps two. */
export interface AxisUser {
  user: string
  password: string
  group: AxisGroup
}

/** What the camera wants to know of an uploaded package. Rejects with PackageError. */
export type EapReader = (path: string, options: { signal: AbortSignal }) => Promise<EapPackage>

/**
 * What a simulated Axis camera is made of. What is left out is that of a P3265-V with AXIS OS 11.11 on 127.0.0.1, without
 * faults.
 */
export interface AxisCameraOptions {
  /** Twelve hex digits; the identity that licenses bind to, and part of the realm. */
  serialNumber: string
  /** The first administrator; with `needsSetup`, nobody until a client creates one. */
  user: string
  password: string
  /** Further users of the camera. */
  users?: readonly AxisUser[]
  /** Users of ONVIF, which are no users of the camera, and the other way round. */
  onvifUsers?: readonly AxisUser[]
  host?: string
  /** 0 takes a free one. */
  port?: number
  https?: boolean
  /** AXIS OS, such as `11.11` (the default) or `9.80.1`. */
  os?: string
  /** Product number, `P3265-V` by default. */
  model?: string
  architecture?: 'aarch64' | 'armv7hf' | 'mips'
  /** As it leaves the factory: no user, until pwdgrp.cgi makes one. */
  needsSetup?: boolean
  /** Apps without signature may be installed; by default as the version of AXIS OS has it. */
  allowUnsigned?: boolean
  allowRoot?: boolean
  /** Root or signing keys whose licenses apps with a protection of their own (`custom`) ask for; none: they ask for nothing. */
  trust?: readonly PublicLicenseKey[]
  /** Room for apps, in bytes. */
  flashBytes?: number
  /** How long installing takes, after the package has arrived. */
  installMs?: number
  /** How long a reboot takes. */
  downMs?: number
  /** How long after a start systemready.cgi still says no. */
  readyAfterMs?: number
  clockOffsetMs?: number
  /** How clients prove who they are: by default Digest over HTTP, and Basic beside it over HTTPS. */
  authenticationPolicy?: AuthenticationPolicy
  /** Null never locks. */
  lockout?: LockoutPolicy | null
  /** Where uploads lie until they are read. */
  temporaryFolder?: string
  /** Where apps, users, settings, clock and certificate outlive the process. */
  stateFile?: string
  readPackage?: EapReader
  faults?: Partial<Faults>
  time?: SimTime
}

export type AuthenticationPolicy = 'Basic' | 'Digest' | 'Basic_Digest' | 'Recommended'

/** Options with every default in place. */
export type TotalAxisOptions = Omit<Required<AxisCameraOptions>, 'allowUnsigned' | 'allowRoot' | 'stateFile'> & {
  stateFile: string | null
  allowUnsigned: boolean | null
  allowRoot: boolean | null
}
