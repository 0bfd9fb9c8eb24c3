import { Transform } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { ProblemError } from './problem.ts'

/** A body that stops arriving is answered 408 and its connection closed; one that merely is slow may go on. */
export function watchStalledBodies(app: FastifyInstance, { stalledAfterMs }: { stalledAfterMs: number }): void {
  app.addHook('preParsing', async (request, reply, payload) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    if (encoding === undefined && (length === undefined || length === '0')) return payload
    const watched = new Transform({
      transform(chunk, _encoding, done) {
        timer.refresh()
        done(null, chunk)
      },
    })
    const timer = setTimeout(() => {
      reply.header('connection', 'close')
      watched.destroy(
        new ProblemError('request-timeout', `The request body stalled for ${stalledAfterMs / 1000} s. Send it again.`),
      )
    }, stalledAfterMs)
    // whoever reads the body hears of its end by itself; when nobody does, nobody is to be told
    watched.on('error', () => undefined)
    watched.once('end', () => clearTimeout(timer))
    watched.once('close', () => clearTimeout(timer))
    reply.raw.once('close', () => clearTimeout(timer))
    payload.once('error', (error) => watched.destroy(error))
    payload.once('close', () => {
      if (!(payload as unknown as { readableEnded?: boolean }).readableEnded) watched.destroy(new Error('aborted'))
    })
    return payload.pipe(watched)
  })
}
