import { type CameraCertificate, type CameraTls, parseCameraAddress } from '@ocelli/camera-http'
import { type CameraTarget, type DriverClock, DriverError } from '@ocelli/driver'
import type { LifeTimings } from './app-life.ts'
import type { InstallTimings } from './install-app.ts'
import { createVapixCamera } from './vapix-camera.ts'
import { createVapixSession } from './vapix-session.ts'

/** How long the driver waits for cameras, in milliseconds, and the clock that it waits by; `random` makes the client's nonces. */
export type DriverSettings = {
  clock: DriverClock
  /** The time of day, in milliseconds since 1970. */
  now: () => number
  random: (bytes: number) => Uint8Array
  /** For one answer of the camera. */
  timeoutMs: number
  connectTimeoutMs: number
  install: InstallTimings
  life: LifeTimings
}

/** Makes the way to a target; `certificate` is what https showed last. Throws DriverError for an unusable address. */
export function connectTo(target: CameraTarget, settings: DriverSettings) {
  let seen: CameraCertificate | null = null
  const tls: CameraTls = {
    pinnedSha256: target.tls.pinnedSha256 ?? undefined,
    allowLegacy: target.tls.allowLegacy,
    onCertificate(certificate) {
      seen = certificate
    },
  }
  const session = createVapixSession({
    address: readAddress(target.address),
    credentials: target.credentials ?? undefined,
    tls,
    timeouts: {
      connectTimeoutMs: settings.connectTimeoutMs,
      idleTimeoutMs: settings.timeoutMs,
      totalTimeoutMs: settings.timeoutMs,
    },
    now: settings.now,
    random: settings.random,
  })
  return {
    camera: createVapixCamera(session),
    certificate: () => (seen === null ? null : { sha256: seen.sha256, expiresAt: seen.expiresAt }),
  }
}

function readAddress(address: string) {
  try {
    return parseCameraAddress(address)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new DriverError('unsupported', error.message, { cause: error })
  }
}
