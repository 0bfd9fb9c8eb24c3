import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../auth/caller.ts'
import { createPlaces } from './places.ts'
import { ProblemError } from './problem.ts'

const largeBytes = 1024 * 1024
/** Larger ones are not held in memory but written to disk as they come. */
const inMemoryBytes = 64 * 1024 * 1024
const perAccount = 4

/** Takes a place for a body that is large, or may be, for as long as its request lasts. Throws ProblemError `too-many-requests`. */
export type LargeBodyGuard = (
  { request, reply, caller }: { request: FastifyRequest; reply: FastifyReply; caller: Caller },
  bodyLimitBytes: number | undefined,
) => void

/** Whoever may send bodies of 24 MiB would fill the memory by sending two hundred of them. */
export function createLargeBodyGuard(): LargeBodyGuard {
  const places = createPlaces({
    ...{ perCaller: 0, perAccount },
    tooMany: () =>
      new ProblemError(
        'too-many-requests',
        `Your account is sending ${perAccount} large requests already. Send them one after another.`,
        { retryAfterSeconds: 1 },
      ),
  })
  return ({ request, reply, caller }, bodyLimitBytes = 0) => {
    if (bodyLimitBytes <= largeBytes || bodyLimitBytes > inMemoryBytes) return
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    if (encoding === undefined && Number(length ?? 0) <= largeBytes) return
    reply.raw.once('close', places.enter(caller))
  }
}
