import { randomUUID } from 'node:crypto'
import { type IncomingMessage, maxHeaderSize, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ProblemError, shownPath, toProblem } from './problem.ts'

const details: Record<string, string> = {
  FST_ERR_BAD_URL: 'The path is not percent-encoded UTF-8. Encode every id in it, as encodeURIComponent does.',
  FST_ERR_MAX_PARAM_LENGTH: 'A part of the path is longer than any id.',
}

/** How long a connection that is refused may take to read the answer. */
const lingerMs = 1000

/** What Fastify refuses before it knows a route, as a problem like any other. */
export function answerUnroutable(error: { code?: string }, request: FastifyRequest, reply: FastifyReply): void {
  const detail = details[error.code ?? ''] ?? 'The request could not be read.'
  const body = toProblem(new ProblemError('invalid-request', detail), {
    path: shownPath(request),
    requestId: request.id,
  })
  reply.header('x-request-id', request.id)
  reply.status(400).type('application/problem+json').serializer(JSON.stringify).send(body)
}

/**
 * What Node's parser refuses before there is a request. The connection ends with the answer (RFC 9112, section 9.6: where
 * the next message begins is not known), and without one where an answer has begun already.
 */
export function answerUnparseable(error: Error & { code?: string }, socket: Socket): void {
  // Closing: the rest of what was refused still comes in, and each piece of it is refused again.
  if (error.code === 'ECONNRESET' || socket.destroyed || socket.writableEnded) return
  // Node's own handler asks the same; it names no other way to learn it.
  const { _httpMessage: begun } = socket as { _httpMessage?: ServerResponse | null }
  if (!socket.writable || begun?.headersSent) {
    socket.destroy(error)
    return
  }
  const requestId = randomUUID()
  const problem = toProblem(unparseable(error.code), { path: '', requestId })
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  // A socket destroyed with unread bytes is reset, and the answer is lost with it (RFC 9112, section 9.6).
  const linger = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(linger))
}

function unparseable(code: string | undefined): ProblemError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const room = `${maxHeaderSize / 1024} KiB`
    return new ProblemError('headers-too-large', `Path, query and headers may take ${room} together. Send fewer.`)
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ProblemError('request-timeout', 'The request did not come to its end in time. Send it again.')
  }
  return new ProblemError(
    'invalid-request',
    'This is no HTTP/1.1 that can be read. Look at its headers and its length.',
  )
}

/** Left to us: a missing `Host`, which Node answers without a word. */
export const httpServerOptions: ServerOptions = {
  requireHostHeader: false,
  // An offer of another protocol may be passed over (RFC 9110, section 7.8); Java's client makes one in every request.
  shouldUpgradeCallback(this: Server, request: IncomingMessage) {
    return this.listenerCount('upgrade') > 0 && request.url?.split('?')[0] === '/mqtt'
  },
}

/** Refuses what no route can read, whichever it is. */
export function refuseUnreadable(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ headers, raw }) => {
    if (headers.host === undefined && raw.httpVersion === '1.1') {
      throw new ProblemError('invalid-request', 'Say whom you call by a Host header, as HTTP/1.1 asks.')
    }
    const coding = headers['content-encoding']
    if (coding !== undefined && coding.toLowerCase() !== 'identity') {
      const wanted = 'Send the body as it is, without Content-Encoding.'
      throw new ProblemError('unsupported-media-type', wanted, { headers: { 'accept-encoding': 'identity' } })
    }
  })
}
