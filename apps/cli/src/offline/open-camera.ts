import { type Driver, type DriverTable, findCamera } from '@ocelli/driver'

/** A camera as an operator names it. */
export interface CameraLogin {
  /** `192.0.2.7`, `http://192.0.2.7`, `https://192.0.2.7:8443` */
  address: string
  user: string
  password: string
}

/** The protocols that this program speaks. */
export const drivers: DriverTable = {
  vapix: async () => (await import('@ocelli/driver-vapix')).driverModule,
  onvif: async () => (await import('@ocelli/driver-onvif')).driverModule,
}

/** Opens a camera with the first protocol that it speaks. No password is shown before that. Throws DriverError, RangeError. */
export async function openCamera(
  { address, user, password }: CameraLogin,
  { drivers: table, signal }: { drivers: DriverTable; signal: AbortSignal },
): Promise<Driver> {
  const found = await findCamera(address, { drivers: table, allowLegacyTls: false, signal })
  return found.module.open({
    address: found.address,
    credentials: { user, password },
    // what was seen a moment ago is held on to while the password goes over the wire
    tls: { pinnedSha256: found.probe.certificate?.sha256 ?? null, allowLegacy: false },
  })
}
