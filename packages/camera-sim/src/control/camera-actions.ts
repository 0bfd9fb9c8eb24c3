import type { FaultName } from '../faults.ts'
import type { AnyCamera, ForeignApp } from '../simulated-camera.ts'
import { type FaultChange, isFaultName, readFaultChange } from './fault-values.ts'

/** A request to the control port that cannot be carried out. */
export class ControlError extends Error {
  override readonly name = 'ControlError'
  readonly code: 'invalid-request' | 'not-found'

  constructor(code: ControlError['code'], detail: string) {
    super(detail)
    this.code = code
  }
}

export interface ControlRequest {
  camera: AnyCamera
  /** Last part of the path, for actions on one thing. */
  name: string
  /** Parsed JSON; undefined when there was no body. */
  body: unknown
}

type Action = (request: ControlRequest) => unknown

/** What can be done with one camera, by method and path below `/cameras/{deviceId}`. */
export const cameraActions: Readonly<Record<string, Action>> = {
  'GET ': ({ camera }) => ({ ...describeCamera(camera), requests: camera.requests }),
  'GET faults': ({ camera }) => camera.faults,
  'PATCH faults': ({ camera, body }) => {
    const change = readFaultChange(body)
    if (typeof change === 'string') throw new ControlError('invalid-request', change)
    for (const name of Object.keys(change)) if (isFaultName(name)) applyFault(camera, change, name)
    return camera.faults
  },
  'DELETE faults': ({ camera }) => {
    camera.clearFaults()
    return camera.faults
  },
  'POST reboot': async ({ camera, body = {} }) => {
    await camera.reboot(readReboot(body))
    return describeCamera(camera)
  },
  'POST factory-reset': async ({ camera }) => {
    await camera.factoryReset()
    return describeCamera(camera)
  },
  'POST apps': ({ camera, body }) => {
    camera.installApp(readApp(body))
    return describeCamera(camera)
  },
  'DELETE apps/': ({ camera, name }) => {
    if (!camera.apps().some(({ appId }) => appId === name)) {
      throw new ControlError('not-found', `There is no app ${name} on this camera.`)
    }
    camera.removeApp(name)
    return describeCamera(camera)
  },
}

/** What the list of cameras says about each. */
export function describeCamera(camera: AnyCamera) {
  const { deviceId, url, isUp, reboots, refusedLogins, isLockedOut, writes, faults } = camera
  const now = camera.now().toISOString()
  return { deviceId, url, isUp, reboots, refusedLogins, isLockedOut, writes, now, faults, apps: camera.apps() }
}

function applyFault<Name extends FaultName>(camera: AnyCamera, change: FaultChange, name: Name): void {
  const value = change[name]
  if (value === null || value === undefined) camera.clearFault(name)
  else camera.setFault(name, value)
}

function readReboot(body: unknown): { downMs?: number; resetsClock?: boolean } {
  const { downMs, resetsClock } = readRecord(body)
  if (downMs !== undefined && !(typeof downMs === 'number' && downMs >= 0 && downMs <= 3_600_000)) {
    throw new ControlError('invalid-request', 'downMs is a number from 0 to 3600000.')
  }
  if (resetsClock !== undefined && typeof resetsClock !== 'boolean') {
    throw new ControlError('invalid-request', 'resetsClock is true or false.')
  }
  return { downMs, resetsClock }
}

function readApp(body: unknown): ForeignApp {
  const { appId, name, version, versionCode, state } = readRecord(body)
  if (typeof appId !== 'string' || appId === '') throw new ControlError('invalid-request', 'appId is needed.')
  if (name !== undefined && typeof name !== 'string') throw new ControlError('invalid-request', 'name is a text.')
  if (version !== undefined && typeof version !== 'string') {
    throw new ControlError('invalid-request', 'version is a text.')
  }
  if (versionCode !== undefined && !(typeof versionCode === 'number' && Number.isSafeInteger(versionCode))) {
    throw new ControlError('invalid-request', 'versionCode is a whole number.')
  }
  if (state !== undefined && state !== 'Active' && state !== 'Inactive') {
    throw new ControlError('invalid-request', 'state is Active or Inactive.')
  }
  return { appId, name, version, versionCode, state }
}

function readRecord(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body }
  throw new ControlError('invalid-request', 'A JSON object is needed.')
}
