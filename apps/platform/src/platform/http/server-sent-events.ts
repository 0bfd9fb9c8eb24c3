import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** An answer of server-sent events that has begun, and a signal for its reader's going. */
export interface EventStream {
  out: ServerResponse
  gone: AbortSignal
}

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

/** HEAD asks about a stream and keeps none open: answered, and true. */
export function answerHead(request: FastifyRequest, reply: FastifyReply): boolean {
  if (request.method !== 'HEAD') return false
  void reply.headers(headers).send()
  return true
}

/** Takes the answer over from Fastify, and sends its head. */
export function beginEventStream(request: FastifyRequest, reply: FastifyReply): EventStream {
  reply.hijack()
  const out = reply.raw
  const gone = new AbortController()
  out.once('close', () => gone.abort())
  out.writeHead(200, { ...headers, 'x-request-id': request.id })
  return { out, gone: gone.signal }
}
