import { setTimeout as sleep } from 'node:timers/promises'

const firstWaitMs = 4
const longestWaitMs = 100

/**
 * Asks `probe` again, with growing pauses of 4 to 100 ms, until it answers something other than undefined.
 * Gives undefined when `timeoutMs` has passed; rejects with the signal's reason when aborted.
 */
export async function pollUntil<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<T | undefined> {
  const deadline = performance.now() + options.timeoutMs
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 1.5, longestWaitMs)) {
    options.signal?.throwIfAborted()
    const answer = await probe()
    if (answer !== undefined) return answer
    if (performance.now() >= deadline) return undefined
    await sleep(waitMs, undefined, { signal: options.signal })
  }
}
