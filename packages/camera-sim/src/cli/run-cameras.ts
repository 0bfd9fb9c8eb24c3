import { startAxisDiscovery } from '../axis/discovery/axis-discovery.ts'
import type { SimulatedAxisCamera } from '../axis/simulated-axis-camera.ts'
import { startControlServer } from '../control/control-server.ts'
import { startDiscovery } from '../discovery/responder.ts'
import type { AnyCamera, SimulatedCamera } from '../simulated-camera.ts'
import type { CommandOptions } from './command.ts'
import { startAxisCameras, startOnvifCameras } from './start-cameras.ts'

export interface RunningCameras {
  cameras: readonly AnyCamera[]
  /** Where faults are set; null when nobody asked for it. */
  controlUrl: string | null
  close(): Promise<void>
}

/** Starts all cameras that the command line asks for, one after the other; none stays when one fails. */
export async function startCameras(options: CommandOptions): Promise<RunningCameras> {
  const cameras: AnyCamera[] = []
  const servers: { close(): Promise<void> }[] = []
  const close = async () => {
    // Discovery says goodbye for cameras that are still there.
    await Promise.all(servers.map((server) => server.close()))
    await Promise.all(cameras.map((camera) => camera.close()))
  }
  try {
    if (options.kind === 'axis') {
      const started: SimulatedAxisCamera[] = []
      for await (const camera of startAxisCameras(options)) {
        started.push(camera)
        cameras.push(camera)
      }
      if (options.discovery) {
        servers.push(await startAxisDiscovery({ cameras: started, interfaceAddress: options.discoveryAddress }))
      }
    } else {
      const started: SimulatedCamera[] = []
      for await (const camera of startOnvifCameras(options)) {
        started.push(camera)
        cameras.push(camera)
      }
      if (options.discovery) {
        servers.push(await startDiscovery({ cameras: started, interfaceAddress: options.discoveryAddress }))
      }
    }
    const { controlPort } = options
    const control = controlPort === undefined ? null : await startControlServer({ cameras, port: controlPort })
    if (control !== null) servers.push(control)
    return { cameras, controlUrl: control?.url ?? null, close }
  } catch (error) {
    await close()
    throw error
  }
}
