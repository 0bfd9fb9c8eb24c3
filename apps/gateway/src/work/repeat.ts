import type { Clock } from '../state/clock.ts'
import { ignoreAbort } from './wake-up.ts'

/** Does it again and again, the first time after `everyMs`, until the signal aborts. Throws what `work` throws. */
export async function repeat(
  work: () => unknown,
  { everyMs, clock, signal }: { everyMs: number; clock: Pick<Clock, 'sleep'>; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(everyMs, signal).catch(ignoreAbort(signal))
    if (!signal.aborted) await work()
  }
}
