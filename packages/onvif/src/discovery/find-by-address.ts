import { type AddressRanges, askConcurrently, type CameraPlace, openOrigins } from '@ocelli/camera-http'
import { type CameraDescription, type DescribeOptions, describeCamera } from './describe-camera.ts'
import type { DiscoveredCamera } from './discovered-camera.ts'
import { searchCameraAt } from './search-cameras.ts'

export type FindByAddressOptions = DescribeOptions & {
  /** Addresses asked at a time. Default 100. */
  concurrency?: number
  /** Until an address where nobody is counts as such. Default 1.5 s. */
  portTimeoutMs?: number
  /** How long a camera that was found may take to answer a Probe as well. Default 1 s. */
  probeTimeoutMs?: number
  /** Told after each address. */
  onAsked?: () => void
  /** Addresses that are known already. */
  isKnown?: (place: CameraPlace) => boolean
}

/** A camera that answered over HTTP; `discovered` is what it said to a Probe (UDP), null when it said nothing. */
export type CameraAtAddress = CameraDescription & { discovered: DiscoveredCamera | null }

/**
 * Asks every address of the ranges over HTTPS and HTTP whether an ONVIF camera answers, without a login, and gives those that do
 * as they answer. For networks without multicast. Throws the signal's reason alone.
 */
export function findCamerasByAddress(
  ranges: AddressRanges,
  options: FindByAddressOptions,
): AsyncIterable<CameraAtAddress> {
  const { concurrency = 100, portTimeoutMs = 1_500, signal, onAsked, isKnown = () => false } = options
  return askConcurrently(ranges, {
    concurrency,
    signal,
    ...(onAsked === undefined ? {} : { onAsked }),
    ask: async (place, until) => {
      if (isKnown(place)) return null
      const open = await openOrigins(place, { connectTimeoutMs: portTimeoutMs, signal: until })
      const description = await describeCamera(open, { ...options, signal: until })
      if (description === null) return null
      return { ...description, discovered: await discoveredAt(description, { ...options, signal: until }) }
    },
  })
}

/** A device behind the same address may answer for another camera, as behind NAT: only the same reference is the same camera. */
async function discoveredAt(
  { address, endpointReference }: CameraDescription,
  { signal, probeTimeoutMs = 1_000 }: FindByAddressOptions,
): Promise<DiscoveredCamera | null> {
  if (endpointReference === null) return null
  const host = new URL(address).hostname.replace(/^\[|\]$/g, '')
  for await (const camera of searchCameraAt(host, { signal, waitMs: probeTimeoutMs })) {
    if (camera.endpointReference === endpointReference) return camera
  }
  return null
}
