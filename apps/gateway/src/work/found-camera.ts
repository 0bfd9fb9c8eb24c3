import { DeviceId, type FoundCamera } from '@ocelli/contract'
import type { Finding } from '@ocelli/driver'
import { Value } from 'typebox/value'

interface Known {
  /** The identity that was read with a login; null when none was. */
  strangerId: string | null
  /** What was told of it before. */
  known: FoundCamera | null
  finding?: Finding
}

/** What an operator is told of a camera at another one's address, within the lengths of the wire. */
export function toFoundCamera(address: string, { strangerId, known, finding }: Known): FoundCamera {
  const deviceId = strangerId ?? finding?.deviceId ?? null
  const isAsBefore = known !== null && (known.deviceId === null || known.deviceId === deviceId)
  const before = isAsBefore ? known : null
  const text = (value: string | null | undefined, old: string | null | undefined) =>
    (value ?? old)?.slice(0, 300) ?? null
  return {
    address,
    deviceId: Value.Check(DeviceId, deviceId) ? deviceId : null,
    manufacturer: text(finding?.manufacturer, before?.manufacturer),
    model: text(finding?.model, before?.model),
    serialNumber: text(finding?.serialNumber, before?.serialNumber),
    macAddress: text(finding?.macAddress, before?.macAddress)?.slice(0, 100) ?? null,
    firmwareVersion: text(finding?.firmwareVersion, before?.firmwareVersion),
    runsApps: finding?.runsApps ?? before?.runsApps ?? null,
  }
}
