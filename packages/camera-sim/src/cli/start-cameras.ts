import { createAxisCamera } from '../axis/create-axis-camera.ts'
import type { SimulatedAxisCamera } from '../axis/simulated-axis-camera.ts'
import { createCamera } from '../create-camera.ts'
import type { SimulatedCamera } from '../simulated-camera.ts'
import type { CommandOptions } from './command.ts'
import { readTrust } from './read-trust.ts'

/** One camera after the other, so that ports that follow each other are taken in their order. */
export async function* startOnvifCameras(options: CommandOptions): AsyncGenerator<SimulatedCamera> {
  const { host, user, password, model, https, licenseRequired, platformLevel, auth, installMs } = options
  const trust = options.trust === undefined ? [] : await readTrust(options.trust)
  for (let index = 0; index < options.count; index += 1) {
    const suffix = options.count === 1 ? '' : `-${index + 1}`
    yield await createCamera({
      deviceId: `${options.deviceId}${suffix}`,
      port: portOf(options, index),
      stateFile: stateFileOf(options, index),
      ...{ host, user, password, model, https, trust, licenseRequired, platformLevel, auth, installMs },
    })
  }
}

export async function* startAxisCameras(options: CommandOptions): AsyncGenerator<SimulatedAxisCamera> {
  const { host, user, password, model, https, os, architecture, needsSetup, allowUnsigned, installMs } = options
  const trust = options.trust === undefined ? [] : await readTrust(options.trust)
  for (let index = 0; index < options.count; index += 1) {
    yield await createAxisCamera({
      serialNumber: countSerial(options.deviceId, index),
      port: portOf(options, index),
      stateFile: stateFileOf(options, index),
      ...{ host, user, password, model, https, trust, os, architecture, needsSetup, allowUnsigned, installMs },
    })
  }
}

const stateFileOf = ({ state, count }: CommandOptions, index: number) =>
  state === undefined || count === 1 ? state : `${state}-${index + 1}`

const portOf = ({ port }: CommandOptions, index: number) => (port === 0 ? 0 : port + index)

/** A serial number is a number; what is none is left for the camera to refuse. */
function countSerial(serialNumber: string, index: number): string {
  if (!/^[0-9A-F]{12}$/i.test(serialNumber)) return serialNumber
  return (Number.parseInt(serialNumber, 16) + index).toString(16).toUpperCase().padStart(12, '0')
}
