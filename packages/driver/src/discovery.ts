import type { CallOptions, Driver } from './driver.ts'

/** How a camera was found: by which protocol on the local network, or because its address was asked. */
export type FoundBy = 'ws-discovery' | 'mdns' | 'ssdp' | 'address'

/**
 * A camera that was found. Everything but the addresses may be null: not told, or not without a login. None of it is an
 * identity: no license is issued on it, and nothing is written to a camera because of it.
 */
export interface Finding {
  /** Origins to reach it at, best first: `https://192.0.2.7`. Empty when it showed itself under a link-local address only. */
  addresses: string[]
  /** Network addresses that its answers came from, for a person: `192.0.2.7`, `fe80::1%eth0`. */
  answeredFrom: string[]
  /** Of those, the ones that are no address to reach it at, each with a sentence why; absent: none. */
  leftOut?: { address: string; reason: string }[]
  manufacturer: string | null
  model: string | null
  firmwareVersion: string | null
  serialNumber: string | null
  /** `AC:CC:8E:12:34:56` */
  macAddress: string | null
  /** Of WS-Discovery: `urn:uuid:...`, the same on every interface of a camera. */
  endpointReference: string | null
  /** What licenses bind to; only where it can be read, on ONVIF with a login. */
  deviceId: string | null
  /** Null: cannot be told without a login. */
  runsApps: boolean | null
  /** It is in the state in which it leaves the factory: nobody has set a password. Null: cannot be told. */
  needsFirstPassword: boolean | null
  /** Camera clock minus ours, milliseconds. */
  clockOffsetMs: number | null
  /** Drivers that speak with it, the one to use first. */
  drivers: Driver['name'][]
  foundBy: FoundBy[]
}

export interface DiscoverOptions extends CallOptions {
  /** Whether to ask on every local network by multicast. */
  multicast: boolean
  /** Addresses to ask one by one: `192.0.2.7`, `192.0.2.0/24`, `192.0.2.10-192.0.2.40`, `http://192.0.2.7:8080`. 65,536 in all at most. */
  ranges: readonly string[]
  /** How long answers to a multicast are waited for; a driver's own default is that of its protocol. */
  waitMs?: number
  /** Addresses that are not asked over HTTP, since somebody speaks with the camera there and it may have one connection only. */
  skip?: (address: string) => boolean
  /** TLS below 1.2 when a camera is asked. */
  allowLegacyTls?: boolean
  /** Told now and then while ranges are asked, in addresses. */
  onProgress?: (progress: { asked: number; total: number }) => void
}

/** Finds cameras of one protocol without a login. Ends by itself. Throws RangeError for a range that is none or too long. */
export type Discover = (options: DiscoverOptions) => AsyncIterable<Finding>
