import type { FastifyInstance } from 'fastify'
import { ProblemError } from './problem.ts'

/**
 * JSON bodies: UTF-8 and nothing else (RFC 8259, section 8.1), where Fastify's own reader would keep `U+FFFD` for what it
 * cannot read. No bytes are no body: many clients send `Content-Type: application/json` with every request.
 */
export function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) {
      done(null, undefined)
      return
    }
    try {
      void parse(request, utf8.decode(body), done)
    } catch (cause) {
      done(
        new ProblemError('invalid-request', 'The body is not UTF-8, which JSON is written in. Encode it so.', {
          cause,
        }),
      )
    }
  })
}
