const firstStrictAxisOs = 12

/**
 * An unsigned package may be refused: AXIS OS takes none from 12.0 on unless its switch AllowUnsigned was turned on, and
 * this camera has not said how that stands.
 */
export function mayRefuseUnsigned(device: {
  driver: string | null
  firmwareVersion: string | null
  unsignedApps: boolean | null
}): boolean {
  if (device.driver !== 'vapix' || device.unsignedApps !== null) return false
  return Number(/^(\d+)\./.exec(device.firmwareVersion ?? '')?.[1] ?? 0) >= firstStrictAxisOs
}
