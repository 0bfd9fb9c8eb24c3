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
  /** Path and query that the caller gave; `/` when there were none. */
  path: string
}

/** Reads `http(s)://host[:port]`, with an optional path. Throws `RangeError` for anything else, user names in the address included. */
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
    path: url.pathname + url.search,
  }
}
