import type { Attempt, AttemptEnd, FailureLimit } from './failure-limit.ts'

type Made<Result> = { kind: 'made'; result: Result } | { kind: 'wait'; retryAfterSeconds: number }

/**
 * Makes an attempt that counts under several limits, which are taken in their order, so that two attempts never wait for each other.
 * One that throws is what `ofError` says of it.
 */
export async function attemptWithin<Result>(
  limits: readonly (readonly [FailureLimit, string])[],
  attempt: () => Promise<Result>,
  { ofResult, ofError }: { ofResult: (result: Result) => AttemptEnd; ofError: (error: unknown) => AttemptEnd },
): Promise<Made<Result>> {
  const begun: Attempt[] = []
  const endAll = (how: AttemptEnd) => {
    for (const one of begun) one.end(how)
  }
  for (const [limit, key] of limits) {
    const one = await limit.begin(key)
    if (typeof one === 'number') {
      endAll('neither')
      return { kind: 'wait', retryAfterSeconds: one }
    }
    begun.push(one)
  }
  try {
    const result = await attempt()
    endAll(ofResult(result))
    return { kind: 'made', result }
  } catch (error) {
    endAll(ofError(error))
    throw error
  }
}
