import { type DeviceIdentity, type Driver, DriverError, normalMac } from '@ocelli/driver'
import type { DeviceProperties } from './device-info.ts'
import { compareVersions } from './os-version.ts'
import type { Parameters } from './parameters.ts'
import { allowsUnsignedByVersion } from './signing-policy.ts'
import type { VapixCamera } from './vapix-camera.ts'

type Facts = Awaited<ReturnType<Driver['readFacts']>>
type Call = { signal: AbortSignal }

const APP_INTERFACE = 'Properties.EmbeddedDevelopment.Version'
/** list.cgi came with it; without a list no app can be looked after. */
const LEAST_APP_INTERFACE = '1.20'

/**
 * The serial number, which is the camera's MAC address without colons and what licenses of Axis bind to. Read from param.cgi, which
 * refuses a wrong login by its status; basicdeviceinfo.cgi answers one as if all was well. Cameras may show parameters to
 * anybody, so list.cgi, which no camera does, proves the login first.
 */
export async function readIdentity(camera: VapixCamera, call: Call): Promise<DeviceIdentity> {
  if (!camera.isLoggedIn) await camera.apps(call)
  const serialNumber = (await camera.parameters(['Properties.System'], call)).get('Properties.System.SerialNumber')
  if (!serialNumber) throw new DriverError('bad-reply', 'The camera does not tell its serial number.')
  return { deviceId: serialNumber, source: 'vapix:SerialNumber' }
}

const GROUPS = ['Brand', 'Properties.System', 'Properties.Firmware', 'Properties.EmbeddedDevelopment']

/** What the camera is. `appFormats` is empty where its AXIS OS cannot show its apps. */
export async function readFacts(camera: VapixCamera, call: Call): Promise<Facts> {
  const parameters = await camera.parameters(GROUPS, call)
  const value = (name: string) => parameters.get(name) || null
  const [serialNumber, firmwareVersion] = [
    value('Properties.System.SerialNumber'),
    value('Properties.Firmware.Version'),
  ]
  const runsApps = canRunApps(parameters)
  return {
    manufacturer: value('Brand.Brand'),
    model: value('Brand.ProdNbr'),
    serialNumber,
    macAddress: normalMac(serialNumber),
    firmwareVersion,
    architecture: value('Properties.System.Architecture'),
    platformLevel: null,
    appFormats: runsApps ? ['eap'] : [],
    unsignedApps: runsApps ? await readUnsignedApps(camera, firmwareVersion, call) : null,
  }
}

/** Whether the camera has the application interface, by its parameters. */
export function canRunApps(parameters: Parameters): boolean {
  const version = parameters.get(APP_INTERFACE)
  return version !== undefined && compareVersions(version, LEAST_APP_INTERFACE) >= 0
}

async function readUnsignedApps(camera: VapixCamera, osVersion: string | null, call: Call): Promise<boolean | null> {
  try {
    return (await camera.allowsUnsigned(call)) ?? allowsUnsignedByVersion(osVersion)
  } catch (error) {
    // Worth having, never worth failing for.
    if (error instanceof DriverError && ['refused', 'bad-reply'].includes(error.code)) return null
    throw error
  }
}

/** What a camera shows of itself without a login. */
export function factsOfProperties(properties: DeviceProperties) {
  const value = (name: string) => properties.get(name) || null
  return {
    manufacturer: value('Brand'),
    model: value('ProdNbr'),
    serialNumber: value('SerialNumber'),
    firmwareVersion: value('Version'),
  }
}
