import { tmpdir } from 'node:os'
import { readApkPackage } from './apps/read-apk-package.ts'
import type { CameraOptions, TotalOptions } from './options.ts'
import { systemTime } from './time.ts'

const lockMs = 5 * 60_000

/** Makes options total, once. */
export function withDefaults(options: CameraOptions): TotalOptions {
  const { maxRefused = 5, ...given } = options
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return {
    ...defaults,
    lockout: maxRefused === 0 ? null : { afterRefusals: maxRefused, lockMs },
    deviceId: options.deviceId,
    user: options.user,
    password: options.password,
    ...present,
  }
}

const defaults = {
  users: [],
  host: '127.0.0.1',
  port: 0,
  trust: [],
  licenseRequired: 'all',
  configurable: 'none',
  manufacturer: 'Ocelli',
  model: 'SIM-1',
  firmwareVersion: '1.0.0',
  serialNumber: null,
  macAddress: null,
  platformLevel: 33,
  architectures: [],
  clockOffsetMs: 0,
  installMs: 50,
  uninstallMs: 20,
  activateAfterInstall: false,
  auth: 'digest',
  lenient: false,
  maxPackageBytes: 2 ** 30,
  freeBytes: 4 * 2 ** 30,
  uploadTimeoutMs: 300_000,
  downMs: 0,
  temporaryFolder: tmpdir(),
  stateFile: null,
  readPackage: readApkPackage,
  https: false,
  faults: {},
  time: systemTime,
} satisfies Omit<TotalOptions, 'deviceId' | 'user' | 'password' | 'lockout'>
