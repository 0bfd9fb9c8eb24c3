import { createPlaces, type PlaceLimits, type Places } from './places.ts'
import { ProblemError } from './problem.ts'

/** Answers that stay open and ask the database again and again. */
export type OpenStreams = Places

const retryAfterSeconds = 15

/** `enter` throws ProblemError `too-many-requests`. */
export function createOpenStreams(limits: PlaceLimits): OpenStreams {
  return createPlaces({
    ...limits,
    tooMany: (whose, limit) =>
      new ProblemError(
        'too-many-requests',
        `${whose === 'caller' ? 'You have' : 'Your account has'} ${limit} streams open, which is the limit. End one, share one among its readers, or poll.`,
        { retryAfterSeconds },
      ),
  })
}
