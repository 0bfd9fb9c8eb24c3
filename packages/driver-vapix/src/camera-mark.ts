import type { VapixCamera } from './vapix-camera.ts'

/** What tells one start of one camera from another start, and from another camera. */
export type CameraMark = { serialNumber: string | null; bootId: string | null; isReady: boolean }

/** Asked without a login, so that it can be asked of whatever answers after a restart. What AXIS OS does not tell is null. */
export async function readMark(camera: VapixCamera, call: { signal: AbortSignal }): Promise<CameraMark> {
  const state = await camera.systemState(call)
  const properties = await camera.openProperties(call)
  return {
    serialNumber: properties?.get('SerialNumber') ?? null,
    bootId: state?.bootId ?? null,
    isReady: state?.isReady ?? true,
  }
}

export function isSameCamera(one: CameraMark, other: CameraMark): boolean {
  return one.serialNumber === null || other.serialNumber === null || one.serialNumber === other.serialNumber
}
