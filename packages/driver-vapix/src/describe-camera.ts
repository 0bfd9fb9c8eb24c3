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

/** The serial number, which is the camera's MAC address without colons and what licenses of Axis bind to. */
export async function readIdentity(camera: VapixCamera, call: Call): Promise<DeviceIdentity> {
  const properties = await camera.properties(call)
  const serialNumber =
    properties?.get('SerialNumber') ??
    (await camera.parameters(['Properties.System'], call)).get('Properties.System.SerialNumber')
  if (!serialNumber) throw new DriverError('bad-reply', 'The camera does not tell its serial number.')
  return { deviceId: serialNumber, source: 'vapix:SerialNumber' }
}

/** What the camera is. `appFormats` is empty where its AXIS OS cannot show its apps. */
export async function readFacts(camera: VapixCamera, call: Call): Promise<Facts> {
  const properties = await camera.properties(call)
  const groups = ['Properties.EmbeddedDevelopment', ...(properties === null ? OLD_GROUPS : [])]
  const parameters = await camera.parameters(groups, call)
  const facts = properties === null ? factsOfParameters(parameters) : factsOfProperties(properties)
  const runsApps = canRunApps(parameters)
  return {
    ...facts,
    macAddress: normalMac(facts.serialNumber),
    platformLevel: null,
    appFormats: runsApps ? ['eap'] : [],
    unsignedApps: runsApps ? await readUnsignedApps(camera, facts.firmwareVersion, call) : null,
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

const OLD_GROUPS = ['Properties.System', 'Properties.Firmware', 'Brand']

function factsOfParameters(parameters: Parameters) {
  const value = (name: string) => parameters.get(name) || null
  return {
    manufacturer: value('Brand.Brand'),
    model: value('Brand.ProdNbr'),
    serialNumber: value('Properties.System.SerialNumber'),
    firmwareVersion: value('Properties.Firmware.Version'),
    architecture: value('Properties.System.Architecture'),
  }
}

export function factsOfProperties(properties: DeviceProperties) {
  const value = (name: string) => properties.get(name) || null
  return {
    manufacturer: value('Brand'),
    model: value('ProdNbr'),
    serialNumber: value('SerialNumber'),
    firmwareVersion: value('Version'),
    architecture: value('Architecture'),
  }
}
