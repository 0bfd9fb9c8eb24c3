import { type DiscoverOptions, DriverError, type Finding, type FoundBy, normalMac } from '@ocelli/driver'
import {
  type AddressRanges,
  type CameraDescription,
  type DiscoveredCamera,
  describeCamera,
  findCamerasByAddress,
  isOnvifError,
  readAddressRanges,
  searchCameras,
} from '@ocelli/onvif'
import { appFormatsOf } from './package-format.ts'

/** Cameras described side by side after a multicast; each is asked one question at a time. */
const DESCRIBED_AT_A_TIME = 16

/** Finds ONVIF cameras without a login; see `Discover`. First by multicast, then those addresses that were not found so. */
export function discoverOnvif(options: DiscoverOptions): AsyncIterable<Finding> {
  return discover(readAddressRanges(options.ranges), options)
}

async function* discover(ranges: AddressRanges, options: DiscoverOptions): AsyncGenerator<Finding, void, void> {
  const { signal, onProgress, skip = () => false, allowLegacyTls = false } = options
  const discovered = new Map<string, DiscoveredCamera>()
  const trouble = options.multicast ? await searchInto(discovered, options) : null
  const cameras = [...discovered.values()]
  const describe = async (camera: DiscoveredCamera) => {
    const isBusy = camera.addresses.some(skip)
    return isBusy ? null : await describeCamera(camera.addresses, { signal, allowLegacyTls })
  }
  for (let at = 0; at < cameras.length; at += DESCRIBED_AT_A_TIME) {
    const some = cameras.slice(at, at + DESCRIBED_AT_A_TIME)
    const descriptions = await Promise.all(some.map(describe))
    for (const [index, camera] of some.entries()) {
      yield toFinding({ discovered: camera, description: descriptions[index] ?? null, foundBy: 'ws-discovery' })
    }
  }
  const known = new Set(cameras.flatMap(({ addresses }) => addresses))
  let asked = 0
  const found = findCamerasByAddress(ranges, {
    ...{ signal, allowLegacyTls },
    isKnown: ({ origins }) => origins.some((origin) => known.has(origin) || skip(origin)),
    onAsked: () => onProgress?.({ asked: ++asked, total: ranges.total }),
  })
  for await (const camera of found) {
    yield toFinding({ discovered: camera.discovered, description: camera, foundBy: 'address' })
  }
  if (trouble !== null) throw trouble
}

/** Gives what kept the multicast from being sent, so that ranges are still asked. */
async function searchInto(
  discovered: Map<string, DiscoveredCamera>,
  { signal, waitMs }: DiscoverOptions,
): Promise<DriverError | null> {
  try {
    for await (const camera of searchCameras({ signal, ...(waitMs === undefined ? {} : { waitMs }) })) {
      // A camera comes again with further addresses; the last of it has them all.
      discovered.set(camera.endpointReference ?? camera.addresses[0] ?? `${camera.answeredFrom[0]}`, camera)
    }
    return null
  } catch (error) {
    if (!isOnvifError(error, 'unreachable')) throw error
    return new DriverError('unreachable', error.message, { cause: error })
  }
}

interface Seen {
  discovered: DiscoveredCamera | null
  description: CameraDescription | null
  foundBy: FoundBy
}

function toFinding({ discovered, description, foundBy }: Seen): Finding {
  const information = description?.information ?? null
  const others = discovered?.addresses ?? []
  return {
    addresses: description === null ? others : [...new Set([description.address, ...others])],
    answeredFrom: discovered?.answeredFrom ?? [],
    manufacturer: information?.manufacturer ?? discovered?.manufacturer ?? null,
    model: information?.model ?? discovered?.model ?? null,
    firmwareVersion: information?.firmwareVersion ?? null,
    serialNumber: information?.serialNumber ?? discovered?.serialNumber ?? null,
    macAddress: normalMac(discovered?.macAddress ?? null),
    endpointReference: description?.endpointReference ?? discovered?.endpointReference ?? null,
    deviceId: null,
    runsApps: runsApps(description),
    needsFirstPassword: description?.needsFirstPassword ?? null,
    clockOffsetMs: description?.clockOffsetMs ?? null,
    drivers: ['onvif'],
    foundBy: [foundBy],
  }
}

function runsApps(description: CameraDescription | null): boolean | null {
  if (description === null || description.hasAppManagement === null) return null
  if (!description.hasAppManagement) return false
  return description.formats === null ? null : appFormatsOf(description.formats).length > 0
}
