import { CameraHttpError } from '@ocelli/camera-http'
import { DriverError } from '@ocelli/driver'
import type { VapixCamera } from './vapix-camera.ts'

/** The end of what an app wrote into the camera's log. What went wrong before is what is told, so a log that cannot be had is null. */
export async function fetchAppLog(camera: VapixCamera, appId: string, signal: AbortSignal): Promise<string | null> {
  try {
    return await camera.appLog(appId, { signal })
  } catch (error) {
    if (error instanceof DriverError || error instanceof CameraHttpError) return null
    throw error
  }
}
