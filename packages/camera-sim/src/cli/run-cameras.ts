import { createCamera } from '../create-camera.ts'
import { startDiscovery } from '../discovery/responder.ts'
import type { CameraOptions } from '../options.ts'
import type { SimulatedCamera } from '../simulated-camera.ts'
import type { CommandOptions } from './command.ts'
import { readTrust } from './read-trust.ts'

export interface RunningCameras {
  cameras: readonly SimulatedCamera[]
  close(): Promise<void>
}

/** Starts all cameras that the command line asks for, one after the other; none stays when one fails. */
export async function startCameras(options: CommandOptions): Promise<RunningCameras> {
  const trust = options.trust === undefined ? [] : await readTrust(options.trust)
  const cameras: SimulatedCamera[] = []
  const closeCameras = async () => {
    await Promise.all(cameras.map((camera) => camera.close()))
  }
  try {
    for (let index = 0; index < options.count; index += 1) {
      cameras.push(await createCamera({ ...cameraOptions(options, index), trust }))
    }
    const discovery = options.discovery ? await startDiscovery({ cameras }) : null
    return {
      cameras,
      async close() {
        await discovery?.close()
        await closeCameras()
      },
    }
  } catch (error) {
    await closeCameras()
    throw error
  }
}

function cameraOptions(options: CommandOptions, index: number): CameraOptions {
  const { host, user, password, model, https, licenseRequired, platformLevel, auth, installMs } = options
  const suffix = options.count === 1 ? '' : `-${index + 1}`
  return {
    deviceId: `${options.deviceId}${suffix}`,
    port: options.port === 0 ? 0 : options.port + index,
    stateFile: options.state === undefined ? undefined : `${options.state}${suffix}`,
    host,
    user,
    password,
    model,
    https,
    licenseRequired,
    platformLevel,
    auth,
    installMs,
  }
}
