import { type AddressRanges, askConcurrently, type CameraPlace, openOrigins } from '@ocelli/camera-http'
import { type CameraDescription, type DescribeOptions, describeCamera } from './describe-camera.ts'

export type FindByAddressOptions = DescribeOptions & {
  /** Addresses asked at a time. Default 100. */
  concurrency?: number
  /** Until an address where nobody is counts as such. Default 1.5 s. */
  portTimeoutMs?: number
  /** Told after each address. */
  onAsked?: () => void
  /** Addresses that are known already. */
  isKnown?: (place: CameraPlace) => boolean
}

/**
 * Asks every address of the ranges over HTTPS and HTTP whether an ONVIF camera answers, without a login, and gives those that do
 * as they answer. For networks without multicast. Throws the signal's reason alone.
 */
export function findCamerasByAddress(
  ranges: AddressRanges,
  options: FindByAddressOptions,
): AsyncIterable<CameraDescription> {
  const { concurrency = 100, portTimeoutMs = 1_500, signal, onAsked, isKnown = () => false } = options
  return askConcurrently(ranges, {
    concurrency,
    signal,
    ...(onAsked === undefined ? {} : { onAsked }),
    ask: async (place, until) => {
      if (isKnown(place)) return null
      const open = await openOrigins(place, { connectTimeoutMs: portTimeoutMs, signal: until })
      return await describeCamera(open, { ...options, signal: until })
    },
  })
}
