/** Where a camera is reached: always what the caller gave, never what the camera says about itself. */
export type CameraAddress = {
  isSecure: boolean
  /** Host name or IP address without brackets. */
  host: string
  port: number
  /** `http://host[:port]`, without a trailing slash. */
  origin: string
  /** The value of the `Host` header. */
  authority: string
  devicePath: string
}

const DEVICE_SERVICE_PATH = '/onvif/device_service'

/**
 * Reads `http(s)://host[:port]`, with an optional path when the device service is not at its usual place.
 * Throws `RangeError` for anything else, user names in the address included.
 */
export function parseCameraAddress(address: string): CameraAddress {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '') {
    throw new RangeError(
      `"${address}" is not a camera address like http://192.168.1.20 or https://camera.example:8443.`,
    )
  }
  const isSecure = url.protocol === 'https:'
  return {
    isSecure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
    origin: url.origin,
    authority: url.host,
    devicePath: url.pathname === '/' ? DEVICE_SERVICE_PATH : url.pathname + url.search,
  }
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
