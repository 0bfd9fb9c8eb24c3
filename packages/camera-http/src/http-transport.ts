import http from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { CameraAddress } from './camera-address.ts'
import { CameraHttpError, cancellation } from './camera-http-error.ts'
import { collectReply } from './collect-reply.ts'
import { isBrokenConnection, networkFailure } from './network-failure.ts'
import { type CameraTls, openPinnedSocket } from './pinned-socket.ts'
import { type StreamOptions, sendStream } from './send-stream.ts'

/** How long a camera may take: to accept a connection, between two bytes, and for the whole exchange. Milliseconds. */
export type HttpTimeouts = { connectTimeoutMs: number; idleTimeoutMs: number; totalTimeoutMs: number }

/** A body of known size that is produced while it is sent; opened at most once per exchange. */
export type StreamBody = { open: () => Readable; size: number; onProgress?: ((sentBytes: number) => void) | undefined }

/** One request to a camera. Timeouts that are left out are those of the transport. */
export type HttpRequest = {
  method: 'GET' | 'POST'
  /** Exact request target, query included. */
  target: string
  headers: Record<string, string>
  /** Empty where it is left out. */
  body?: Buffer | StreamBody
  /**
   * What proves who asks, in headers beside those above or in a body instead. Made anew for each sending: a login counts its uses or carries a
   * nonce, so the same one again looks like a replay, and cameras answer that as they answer a wrong password.
   */
  prove?: (() => { headers?: Record<string, string>; body?: Buffer }) | undefined
  /** A read that may be sent a second time when the connection breaks before an answer. */
  isIdempotent: boolean
  timeouts?: Partial<HttpTimeouts>
  signal?: AbortSignal | undefined
}

/** `rawHeaders` as Node gives them: name, value, name, value. */
export type HttpReply = { status: number; rawHeaders: string[]; body: Buffer }

/** Sends a request and resolves with the whole reply, whatever its status; throws what `createHttpTransport` says. */
export type HttpTransport = (request: HttpRequest) => Promise<HttpReply>

export type HttpTransportOptions = { address: CameraAddress; tls: CameraTls; timeouts: HttpTimeouts }

/**
 * Speaks HTTP with one camera. Every exchange has a connection of its own (`Connection: close`): cameras with one connection slot,
 * half-closed keep-alive sockets and resets on reused ones make pooling cost more than it saves.
 * Throws `unreachable`, `timeout`, `cancelled`, `certificate-changed` or `bad-reply`; every status is a reply.
 */
export function createHttpTransport(options: HttpTransportOptions): HttpTransport {
  return async (request) => {
    try {
      return await exchange(request, options)
    } catch (error) {
      if (request.isIdempotent && isBrokenConnection(error)) return await exchange(request, options)
      throw error
    }
  }
}

async function exchange(asked: HttpRequest, { address, tls, timeouts }: HttpTransportOptions): Promise<HttpReply> {
  const request = withProof(asked)
  const { connectTimeoutMs, idleTimeoutMs, totalTimeoutMs } = { ...timeouts, ...request.timeouts }
  const startedMs = performance.now()
  const socket = await openPinnedSocket(address, {
    tls,
    connectTimeoutMs: Math.min(connectTimeoutMs, totalTimeoutMs),
    signal: request.signal,
  })
  const outgoing = startRequest(request, address, socket)
  const failed = Promise.withResolvers<never>()
  const fail = (error: unknown) => failed.reject(networkFailure(error, address.origin))
  const onAbort = () => request.signal !== undefined && fail(cancellation(request.signal))
  const spentMs = performance.now() - startedMs
  const timer = setTimeout(() => {
    fail(new CameraHttpError('timeout', `The camera at ${address.origin} took longer than ${totalTimeoutMs} ms.`))
  }, totalTimeoutMs - spentMs)
  socket.setTimeout(idleTimeoutMs, () => {
    fail(new CameraHttpError('timeout', `The camera at ${address.origin} stayed silent for ${idleTimeoutMs} ms.`))
  })
  outgoing.on('error', fail)
  request.signal?.addEventListener('abort', onAbort, { once: true })
  if (request.signal?.aborted) onAbort()
  const ended = new AbortController()
  try {
    const reply = collectReply(outgoing)
    // A reply wins over a sending that it has interrupted: cameras refuse a package before they have all of it.
    const sending = sendBody(outgoing, request.body, { socket, idleTimeoutMs, signal: ended.signal })
    return await Promise.race([failed.promise, sending.then(() => reply), reply])
  } finally {
    ended.abort()
    clearTimeout(timer)
    request.signal?.removeEventListener('abort', onAbort)
    outgoing.destroy()
    socket.destroy()
  }
}

type ProvedRequest = HttpRequest & { body: Buffer | StreamBody }

function withProof(request: HttpRequest): ProvedRequest {
  const { headers, body = request.body ?? Buffer.alloc(0) } = request.prove?.() ?? {}
  return { ...request, headers: { ...request.headers, ...headers }, body }
}

function startRequest(request: ProvedRequest, address: CameraAddress, socket: Socket): http.ClientRequest {
  try {
    return openRequest(request, address, socket)
  } catch (error) {
    // Node refuses to write it. What we say ourselves can be written, so it is what the camera asked us to say back.
    socket.destroy()
    const message = `The camera at ${address.origin} asks for a request that HTTP cannot carry.`
    throw new CameraHttpError('bad-reply', message, { cause: error })
  }
}

function openRequest(request: ProvedRequest, address: CameraAddress, socket: Socket): http.ClientRequest {
  const size = Buffer.isBuffer(request.body) ? request.body.length : request.body.size
  const hasBody = request.method !== 'GET'
  return http.request({
    createConnection: () => socket,
    method: request.method,
    path: request.target,
    headers: {
      Host: address.authority,
      ...request.headers,
      // Always a length, never chunks: ONVIF demands it for uploads, and small servers know nothing else.
      ...(hasBody ? { 'Content-Length': String(size) } : {}),
      Connection: 'close',
    },
    // Cameras send header bytes that the strict parser refuses. Nothing can be smuggled where no connection is reused.
    insecureHTTPParser: true,
    maxHeaderSize: 32 * 1024,
  })
}

async function sendBody(
  outgoing: http.ClientRequest,
  body: Buffer | StreamBody,
  options: StreamOptions,
): Promise<void> {
  if (Buffer.isBuffer(body)) outgoing.end(body)
  else await sendStream(outgoing, body, options)
}
