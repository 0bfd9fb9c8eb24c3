import { constants } from 'node:crypto'
import net from 'node:net'
import tls from 'node:tls'
import type { CameraAddress } from './camera-address.ts'
import { CameraHttpError, cancellation } from './camera-http-error.ts'
import { networkFailure } from './network-failure.ts'

/**
 * The certificate a camera presented. `sha256` is the fingerprint of its DER form in lower-case hex, `expiresAt` RFC 3339; null where
 * the certificate does not say its end in a way that can be read.
 */
export type CameraCertificate = { sha256: string; expiresAt: string | null; subject: string }

/** How a camera is known on https: by the fingerprint of its certificate alone, never by its name or by who signed it. */
export type CameraTls = {
  /** SHA-256 of the certificate that was accepted before, hex with or without colons. Without it any certificate is taken: pin what `onCertificate` tells. */
  pinnedSha256?: string | undefined
  /** Allows TLS 1.0 and 1.1 and the ciphers of old cameras. */
  allowLegacy?: boolean | undefined
  onCertificate?: ((certificate: CameraCertificate) => void) | undefined
}

export type SocketOptions = { tls: CameraTls; connectTimeoutMs: number; signal: AbortSignal | undefined }

/**
 * A connection that may be written to: open, and on https with the pinned certificate. The certificate is compared before the
 * first byte of a request is written, so that a stranger at the camera's address sees neither a login nor a package.
 */
export async function openPinnedSocket(address: CameraAddress, options: SocketOptions): Promise<net.Socket> {
  const { signal, connectTimeoutMs } = options
  if (signal?.aborted) throw cancellation(signal)
  const socket = address.isSecure ? connectSecurely(address, options.tls) : net.connect(address.port, address.host)
  const ready = Promise.withResolvers<void>()
  const timer = setTimeout(() => {
    const message = `The camera at ${address.origin} did not accept a connection within ${connectTimeoutMs} ms.`
    ready.reject(new CameraHttpError('unreachable', message))
  }, connectTimeoutMs)
  const onAbort = () => ready.reject(signal === undefined ? undefined : cancellation(signal))
  const onClose = () => ready.reject(networkFailure(new Error('closed while connecting'), address.origin))
  signal?.addEventListener('abort', onAbort, { once: true })
  // This listener stays: a socket without one would end the process when the connection breaks before it is used.
  socket.on('error', (error) => ready.reject(networkFailure(error, address.origin)))
  socket.once('close', onClose)
  socket.once(address.isSecure ? 'secureConnect' : 'connect', () => ready.resolve())
  try {
    await ready.promise
    if (socket instanceof tls.TLSSocket) checkCertificate(socket, address, options.tls)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    socket.off('close', onClose)
  }
}

function connectSecurely(address: CameraAddress, options: CameraTls): tls.TLSSocket {
  const legacy = options.allowLegacy
    ? ({
        minVersion: 'TLSv1',
        ciphers: 'DEFAULT:@SECLEVEL=0',
        secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
      } as const)
    : {}
  return tls.connect({
    host: address.host,
    port: address.port,
    // Cameras sign their own certificates, for names and addresses they no longer have: the fingerprint is the check.
    rejectUnauthorized: false,
    ...(net.isIP(address.host) === 0 ? { servername: address.host } : {}),
    ...legacy,
  })
}

function checkCertificate(socket: tls.TLSSocket, address: CameraAddress, options: CameraTls): void {
  const presented = socket.getPeerX509Certificate()
  if (presented === undefined) {
    throw new CameraHttpError('bad-reply', `The camera at ${address.origin} presented no certificate.`)
  }
  const certificate: CameraCertificate = {
    sha256: plainFingerprint(presented.fingerprint256),
    expiresAt: Number.isNaN(presented.validToDate.getTime()) ? null : presented.validToDate.toISOString(),
    subject: presented.subject ?? '',
  }
  options.onCertificate?.(certificate)
  if (options.pinnedSha256 !== undefined && plainFingerprint(options.pinnedSha256) !== certificate.sha256) {
    throw new CameraHttpError(
      'certificate-changed',
      `The camera at ${address.origin} shows another certificate (SHA-256 ${certificate.sha256}) than the one accepted before. ` +
        'Accept the new one if the camera was reset or its certificate renewed; otherwise another device answers at this address.',
    )
  }
}

function plainFingerprint(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase()
}
