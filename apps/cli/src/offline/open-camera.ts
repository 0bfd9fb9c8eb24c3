import type { CameraTarget, Driver, DriverModule } from '@ocelli/driver'
import { OfflineError } from './offline-error.ts'

/** A camera as an operator names it. */
export interface CameraLogin {
  /** `http://192.0.2.7`, `https://192.0.2.7:8443` */
  address: string
  user: string
  password: string
}

/** The protocols in the order in which they are tried: one driver per camera, VAPIX before ONVIF (design.md 1). */
export async function loadDrivers(): Promise<DriverModule[]> {
  const [vapix, onvif] = await Promise.all([import('@ocelli/driver-vapix'), import('@ocelli/driver-onvif')])
  return [vapix.driverModule, onvif.driverModule]
}

/** Opens a camera with the first protocol that it speaks. Throws OfflineError `no-camera` when it speaks none. */
export async function openCamera(
  { address, user, password }: CameraLogin,
  { drivers, signal }: { drivers: readonly DriverModule[]; signal: AbortSignal },
): Promise<Driver> {
  const target: CameraTarget = {
    address,
    credentials: { user, password },
    tls: { pinnedSha256: null, allowLegacy: false },
  }
  const said: string[] = []
  for (const driver of drivers) {
    // no password is shown to what may be no camera
    const probe = await driver.probe({ ...target, credentials: null }, { signal })
    if (probe.speaks && probe.runsApps !== false) return driver.open(target)
    said.push(probe.detail)
  }
  throw new OfflineError('no-camera', said.at(-1) ?? 'No protocol was tried.')
}
