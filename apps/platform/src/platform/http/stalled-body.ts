import { Transform } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { ProblemError } from './problem.ts'

/** Fewer within the time are no progress: a body that comes byte by byte holds its connection, and what it has sent, for days. */
const leastBytes = 16 * 1024

/** A body that stops arriving, or trickles, is answered 408 and its connection closed; one that merely is slow may go on. */
export function watchStalledBodies(app: FastifyInstance, { stalledAfterMs }: { stalledAfterMs: number }): void {
  app.addHook('preParsing', async (request, reply, payload) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    if (encoding === undefined && (length === undefined || length === '0')) return payload
    let receivedBytes = 0
    const watched = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        receivedBytes += chunk.length
        if (receivedBytes >= leastBytes) {
          receivedBytes = 0
          timer.refresh()
        }
        done(null, chunk)
      },
    })
    const timer = setTimeout(() => {
      reply.header('connection', 'close')
      watched.destroy(
        new ProblemError(
          'request-timeout',
          `Less than ${leastBytes / 1024} KiB of the request body came in ${stalledAfterMs / 1000} s. Send it again.`,
        ),
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
