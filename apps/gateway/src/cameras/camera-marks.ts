import type { DeviceFacts } from '@ocelli/contract'
import { type Finding, normalMac } from '@ocelli/driver'

/**
 * By what a camera is recognized without a login, as it was last seen with its identity proved. Anybody can show such marks, so they
 * only choose whom to ask: the identity is read with a login before an address is taken over.
 */
export interface CameraMarks {
  serialNumber: string | null
  macAddress: string | null
  /** Of WS-Discovery, `urn:uuid:...`. */
  endpointReference: string | null
}

export const noMarks: CameraMarks = { serialNumber: null, macAddress: null, endpointReference: null }

/** What a camera has told with its identity proved; what it does not tell this time stays as it was. */
export function marksOf(
  facts: DeviceFacts | null,
  { endpointReference, before }: { endpointReference: string | null; before: CameraMarks },
): CameraMarks {
  return {
    serialNumber: facts?.serialNumber ?? before.serialNumber,
    macAddress: normalMac(facts?.macAddress ?? null) ?? before.macAddress,
    endpointReference: endpointReference?.toLowerCase() ?? before.endpointReference,
  }
}

type Known = { deviceId: string; marks: CameraMarks }

/**
 * Whether a finding may be a claimed camera. One common mark is enough, since a camera has several MAC addresses at times; only the
 * serial number counts less, since makers count alike. `unknown`: it shows nothing that could be compared.
 */
export function compareMarks({ deviceId, marks }: Known, finding: Finding): 'same' | 'other' | 'unknown' {
  if (finding.deviceId !== null) return finding.deviceId === deviceId ? 'same' : 'other'
  const heavy: [string | null, string | null][] = [
    [marks.macAddress ?? normalMac(marks.serialNumber), finding.macAddress ?? normalMac(finding.serialNumber)],
    [marks.endpointReference, finding.endpointReference],
  ]
  const verdict = compare(heavy)
  return verdict === 'unknown' ? compare([[marks.serialNumber, finding.serialNumber]]) : verdict
}

function compare(pairs: [string | null, string | null][]): 'same' | 'other' | 'unknown' {
  const both = pairs.filter(([one, other]) => one !== null && other !== null)
  if (both.length === 0) return 'unknown'
  return both.some(([one, other]) => one?.toLowerCase() === other?.toLowerCase()) ? 'same' : 'other'
}

/** http and https of one host are one place; other ports may be other cameras, as behind NAT. */
export function placeOf(address: string): string {
  const { hostname, port } = new URL(address)
  return port === '' ? hostname : `${hostname}:${port}`
}
