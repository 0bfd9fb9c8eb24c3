interface Reading {
  deviceId: string
  address: string
}

/**
 * Which identity was read at which address, over all cameras of the gateway. Two addresses that answer with one identity
 * are a conflict: neither can be trusted to be the claimed camera, so neither is written to.
 */
export interface IdentityRegistry {
  /** `cameraId` is the id under which the camera was claimed; null when its address gave no identity this time. */
  note(cameraId: string, reading: Reading | null): void
  /** The address of another camera record that answers with the same identity, null when there is none. */
  rivalOf(cameraId: string): string | null
  /** Where this identity was read last, through whichever record; null when it never was or another is there now. */
  lastSeenAt(deviceId: string): string | null
  /** The identity that answered at an address last; null when none was read there, or it was seen elsewhere since. */
  seenAt(address: string): string | null
}

/** `onConflict` is called with the claimed id of a camera that has just got a rival. */
export function createIdentityRegistry(onConflict: (cameraId: string) => void): IdentityRegistry {
  const readings = new Map<string, Reading>()
  /** Claimed ids of the cameras whose address answers with this identity. */
  const readers = new Map<string, Set<string>>()
  const identityAt = new Map<string, string>()
  const addressOf = new Map<string, string>()

  function forget(cameraId: string): void {
    const before = readings.get(cameraId)
    readings.delete(cameraId)
    if (!before) return
    const others = readers.get(before.deviceId)
    others?.delete(cameraId)
    if (others?.size === 0) readers.delete(before.deviceId)
  }

  function rivals(cameraId: string): [string, Reading][] {
    const own = readings.get(cameraId)
    if (!own) return []
    return [...(readers.get(own.deviceId) ?? [])].flatMap((id): [string, Reading][] => {
      const other = readings.get(id)
      return other && id !== cameraId && other.address !== own.address ? [[id, other]] : []
    })
  }

  function noteSighting({ deviceId, address }: Reading): void {
    const before = identityAt.get(address)
    if (before !== undefined && before !== deviceId && addressOf.get(before) === address) addressOf.delete(before)
    identityAt.set(address, deviceId)
    addressOf.set(deviceId, address)
  }

  return {
    note(cameraId, reading) {
      const before = readings.get(cameraId)
      forget(cameraId)
      if (!reading) return
      readings.set(cameraId, reading)
      const sameIdentity = readers.get(reading.deviceId) ?? new Set()
      readers.set(reading.deviceId, sameIdentity.add(cameraId))
      noteSighting(reading)
      if (before?.deviceId === reading.deviceId && before.address === reading.address) return
      for (const [id] of rivals(cameraId)) onConflict(id)
    },
    rivalOf: (cameraId) => rivals(cameraId)[0]?.[1].address ?? null,
    seenAt(address) {
      const deviceId = identityAt.get(address)
      return deviceId !== undefined && addressOf.get(deviceId) === address ? deviceId : null
    },
    lastSeenAt: (deviceId) => addressOf.get(deviceId) ?? null,
  }
}
