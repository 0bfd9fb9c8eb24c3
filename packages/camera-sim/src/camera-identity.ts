import { createHash } from 'node:crypto'

/** Everything by which a camera can be told from others. All of it follows from the device id unless given. */
export interface CameraIdentity {
  deviceId: string
  serialNumber: string
  /** Six pairs of hex digits with colons, locally administered. */
  macAddress: string
  /** RFC 4122 UUID of the WS-Discovery endpoint reference, without `urn:uuid:`. */
  endpointId: string
}

/** Gives one device id the same serial number, MAC address and endpoint reference in every run. */
export function deriveIdentity(deviceId: string): CameraIdentity {
  const digest = createHash('sha256').update(deviceId).digest()
  const hex = digest.toString('hex')
  const mac = Buffer.concat([Buffer.of(0x02), digest.subarray(1, 6)])
    .toString('hex')
    .toUpperCase()
  // RFC 9562 section 5.8: version 8, for names hashed in a way of one's own.
  const variant = ((digest[8] ?? 0) & 0x3f) | 0x80
  return {
    deviceId,
    serialNumber: `SIM${hex.slice(0, 10).toUpperCase()}`,
    macAddress: (mac.match(/../g) ?? []).join(':'),
    endpointId: [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `8${hex.slice(13, 16)}`,
      `${variant.toString(16)}${hex.slice(18, 20)}`,
      hex.slice(20, 32),
    ].join('-'),
  }
}
