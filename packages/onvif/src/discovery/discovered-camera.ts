import { cameraOrigins } from './camera-origins.ts'
import type { ProbeMatch } from './probe-match.ts'
import { readScopes, type ScopeFacts } from './scope-facts.ts'

/** A camera that answered to a Probe. Anybody on the network can answer anything: nothing of it is an identity. */
export type DiscoveredCamera = ScopeFacts & {
  /** `urn:uuid:...`, the same on all of its interfaces; null when it told none. */
  endpointReference: string | null
  /** Where it can be reached, best first; with a path only when its device service is not at the usual place. */
  addresses: string[]
  /** Where its answers came from: `192.0.2.7`, `fe80::1%eth0`. */
  answeredFrom: string[]
  scopes: string[]
}

/** What one answer to a Probe says; `sender` is the address that it came from. */
export function toDiscovered(match: ProbeMatch, sender: string): DiscoveredCamera {
  return {
    ...readScopes(match.scopes),
    endpointReference: match.endpointReference,
    addresses: cameraOrigins(match.xAddrs, sender),
    answeredFrom: [sender],
    scopes: match.scopes,
  }
}

/** A camera that would grow without end as a stranger answers in its name. */
const MAX_ADDRESSES = 32

/** The cameras of one search: answers of one endpoint reference or one address are one camera. */
export type CameraCollection = {
  /** The camera as it is now known; null when the answer told nothing new. */
  take(seen: DiscoveredCamera): DiscoveredCamera | null
}

/** `limits`: cameras in all, and from one sender, after which new ones are dropped. */
export function createCameraCollection(limits: { cameras: number; perSender: number }): CameraCollection {
  const cameras = new Map<string, DiscoveredCamera>()
  const idOfAddress = new Map<string, string>()
  const fromSender = new Map<string, number>()
  let count = 0

  function idOf({ endpointReference, addresses, answeredFrom }: DiscoveredCamera): string | null {
    if (endpointReference !== null) return endpointReference
    return (
      addresses.map((address) => idOfAddress.get(address)).find((id) => id !== undefined) ?? `at ${answeredFrom[0]}`
    )
  }

  function isRoomFor({ answeredFrom: [sender = ''] }: DiscoveredCamera): boolean {
    const already = fromSender.get(sender) ?? 0
    if (count >= limits.cameras || already >= limits.perSender) return false
    fromSender.set(sender, already + 1)
    count += 1
    return true
  }

  return {
    take(seen) {
      const id = idOf(seen)
      if (id === null) return null
      const before = cameras.get(id)
      if (before === undefined && !isRoomFor(seen)) return null
      const now = before === undefined ? seen : merge(before, seen)
      if (now === before) return null
      cameras.set(id, now)
      for (const address of now.addresses) idOfAddress.set(address, id)
      return now
    },
  }
}

/** Gives `before` itself when nothing is new. */
function merge(before: DiscoveredCamera, seen: DiscoveredCamera): DiscoveredCamera {
  const isKnown = (key: 'addresses' | 'answeredFrom') => seen[key].every((each) => before[key].includes(each))
  if (isKnown('addresses') && isKnown('answeredFrom')) return before
  const union = (key: 'addresses' | 'answeredFrom') =>
    [...new Set([...before[key], ...seen[key]])].slice(0, MAX_ADDRESSES)
  const merged = {
    ...before,
    name: before.name ?? seen.name,
    model: before.model ?? seen.model,
    manufacturer: before.manufacturer ?? seen.manufacturer,
    serialNumber: before.serialNumber ?? seen.serialNumber,
    macAddress: before.macAddress ?? seen.macAddress,
    addresses: union('addresses'),
    answeredFrom: union('answeredFrom'),
  }
  const hasGrown =
    merged.addresses.length > before.addresses.length || merged.answeredFrom.length > before.answeredFrom.length
  return hasGrown ? merged : before
}
