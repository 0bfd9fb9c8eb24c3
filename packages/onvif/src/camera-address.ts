import { type CameraAddress as HttpAddress, parseCameraAddress as parseHttpAddress } from '@ocelli/camera-http'

/** Where a camera is reached, and its device service there. */
export type CameraAddress = HttpAddress & { devicePath: string }

const DEVICE_SERVICE_PATH = '/onvif/device_service'

/**
 * Reads `http(s)://host[:port]`, with an optional path when the device service is not at its usual place.
 * Throws `RangeError` for anything else, user names in the address included.
 */
export function parseCameraAddress(address: string): CameraAddress {
  const parsed = parseHttpAddress(address)
  return { ...parsed, devicePath: parsed.path === '/' ? DEVICE_SERVICE_PATH : parsed.path }
}

/**
 * The request target (path and query) inside an address that a camera reported. Scheme, host and port are dropped: behind NAT, in
 * containers and after address changes cameras report private, stale and 127.0.0.1 addresses. Lists give their first entry;
 * what has no path, and garbage, gives the fallback.
 */
export function requestTarget(reported: string | undefined, fallback: string): string {
  const first = reported?.trim().split(/\s+/)[0] ?? ''
  const target = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*([^#]*)/i.exec(first)?.[1] ?? /^(\/[^#]*)/.exec(first)?.[1] ?? ''
  if (target === '' || target === '/') return fallback
  const rooted = target.startsWith('/') ? target : `/${target}`
  // Node refuses bytes outside printable ASCII in a request target; what is already escaped stays as it is.
  return rooted.replace(/[^\x21-\x7e]/gu, encodeURIComponent)
}
