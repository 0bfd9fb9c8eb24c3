import { startControlServer } from '../control/control-server.ts'
import { createCamera } from '../create-camera.ts'
import { startDiscovery } from '../discovery/responder.ts'
import type { CameraOptions } from '../options.ts'
import type { SimulatedCamera } from '../simulated-camera.ts'
import type { CommandOptions } from './command.ts'
import { readTrust } from './read-trust.ts'

export interface RunningCameras {
  cameras: readonly SimulatedCamera[]
  /** Where faults are set; null when nobody asked for it. */
  controlUrl: string | null
  close(): Promise<void>
}

/** Starts all cameras that the command line asks for, one after the other; none stays when one fails. */
export async function startCameras(options: CommandOptions): Promise<RunningCameras> {
  const trust = options.trust === undefined ? [] : await readTrust(options.trust)
  const cameras: SimulatedCamera[] = []
  const servers: { close(): Promise<void> }[] = []
  const close = async () => {
    // Discovery says goodbye for cameras that are still there.
    await Promise.all(servers.map((server) => server.close()))
    await Promise.all(cameras.map((camera) => camera.close()))
  }
  try {
    for (let index = 0; index < options.count; index += 1) {
      cameras.push(await createCamera({ ...cameraOptions(options, index), trust }))
    }
    const { discoveryAddress, controlPort } = options
    if (options.discovery) servers.push(await startDiscovery({ cameras, interfaceAddress: discoveryAddress }))
    const control = controlPort === undefined ? null : await startControlServer({ cameras, port: controlPort })
    if (control !== null) servers.push(control)
    return { cameras, controlUrl: control?.url ?? null, close }
  } catch (error) {
    await close()
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
