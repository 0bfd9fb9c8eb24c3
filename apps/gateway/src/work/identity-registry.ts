/**
 * Which identity was read at which address, over all cameras of the gateway. Two addresses that answer with one identity
 * are a conflict: neither can be trusted to be the claimed camera, so neither is written to.
 */
export interface IdentityRegistry {
  /** `cameraId` is the id under which the camera was claimed; null when its address gave no identity this time. */
  note(cameraId: string, reading: Reading | null): void
  /** The address of another camera record that answers with the same identity, null when there is none. */
  rivalOf(cameraId: string): string | null
}

interface Reading {
  deviceId: string
  address: string
}

/** `onConflict` is called with the claimed id of a camera that has just got a rival. */
export function createIdentityRegistry(onConflict: (cameraId: string) => void): IdentityRegistry {
  const readings = new Map<string, Reading>()

  function rivals(cameraId: string): [string, Reading][] {
    const own = readings.get(cameraId)
    if (!own) return []
    return [...readings].filter(
      ([id, other]) => id !== cameraId && other.deviceId === own.deviceId && other.address !== own.address,
    )
  }

  return {
    note(cameraId, reading) {
      const before = readings.get(cameraId)
      if (!reading) {
        readings.delete(cameraId)
        return
      }
      readings.set(cameraId, reading)
      if (before?.deviceId === reading.deviceId && before.address === reading.address) return
      for (const [id] of rivals(cameraId)) onConflict(id)
    },
    rivalOf: (cameraId) => rivals(cameraId)[0]?.[1].address ?? null,
  }
}
