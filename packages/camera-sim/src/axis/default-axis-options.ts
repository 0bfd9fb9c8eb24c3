import { tmpdir } from 'node:os'
import { type EapPackage, PackageError, readAppPackage } from '@ocelli/app-package'
import { systemTime } from '../time.ts'
import type { AxisCameraOptions, TotalAxisOptions } from './axis-options.ts'

/** Makes options total, once. Throws TypeError for a serial number that is none. */
export function withAxisDefaults(options: AxisCameraOptions): TotalAxisOptions {
  if (!/^[0-9A-F]{12}$/.test(options.serialNumber)) {
    throw new TypeError(`${options.serialNumber} is no serial number of an Axis camera: twelve upper case hex digits.`)
  }
  const present = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const { serialNumber, user, password } = options
  return { ...defaults, serialNumber, user, password, ...present }
}

async function readEapPackage(path: string, options: { signal: AbortSignal }): Promise<EapPackage> {
  const content = await readAppPackage(path, options)
  if (content.format === 'eap') return content
  throw new PackageError('not-a-package', 'This camera takes .eap packages only.')
}

const defaults = {
  users: [],
  onvifUsers: [],
  host: '127.0.0.1',
  port: 0,
  https: false,
  os: '11.11',
  model: 'P3265-V',
  architecture: 'aarch64',
  needsSetup: false,
  allowUnsigned: null,
  allowRoot: null,
  trust: [],
  flashBytes: 400 * 1024 * 1024,
  installMs: 50,
  downMs: 0,
  readyAfterMs: 0,
  clockOffsetMs: 0,
  authenticationPolicy: 'Recommended',
  lockout: { afterRefusals: 5, lockMs: 5 * 60_000 },
  temporaryFolder: tmpdir(),
  stateFile: null,
  readPackage: readEapPackage,
  faults: {},
  time: systemTime,
} satisfies Omit<TotalAxisOptions, 'serialNumber' | 'user' | 'password'>
