import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { Faults } from '../faults.ts'

/**
 * Scheme, host and port under which the client reached the camera: the Host header, else the socket's own address.
 * ONVIF Core wants addresses repeated so, and it is what makes port forwarding work.
 */
export function baseUrlOf(request: IncomingMessage, fault: Faults['xaddr'] | undefined): string {
  const { socket } = request
  const scheme = socket instanceof TLSSocket ? 'https' : 'http'
  switch (fault) {
    case undefined:
      return `${scheme}://${hostOf(request)}`
    case 'private':
      return `${scheme}://10.255.255.1`
    case 'loopback':
      // The port that nothing listens on: the camera means itself, the client would ask its own machine.
      return `${scheme}://127.0.0.1:9`
    case 'garbage':
      return 'ht!tp://[not an address'
    case 'path-only':
      return ''
  }
}

function hostOf(request: IncomingMessage): string {
  const { host } = request.headers
  if (host !== undefined && /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.test(host)) return host
  const { localAddress = '127.0.0.1', localPort, localFamily } = request.socket
  return `${localFamily === 'IPv6' ? `[${localAddress}]` : localAddress}:${localPort}`
}
