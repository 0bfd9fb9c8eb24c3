import type { FastifyReply, FastifyRequest } from 'fastify'
import { ProblemError, toProblem } from './problem.ts'

const details: Record<string, string> = {
  FST_ERR_BAD_URL: 'The path is not percent-encoded UTF-8. Encode every id in it, as encodeURIComponent does.',
  FST_ERR_MAX_PARAM_LENGTH: 'A part of the path is longer than any id.',
}

/** What Fastify refuses before it knows a route, as a problem like any other. */
export function answerUnroutable(error: { code?: string }, request: FastifyRequest, reply: FastifyReply): void {
  const detail = details[error.code ?? ''] ?? 'The request could not be read.'
  const path = request.url.split('?')[0] ?? ''
  const body = toProblem(new ProblemError('invalid-request', detail), { path, requestId: request.id })
  reply.header('x-request-id', request.id)
  reply.status(400).type('application/problem+json').serializer(JSON.stringify).send(body)
}
