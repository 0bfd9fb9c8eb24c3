import type { Client, Clock, Installation } from '@ocelli/sdk'
import { progressText } from './installation-columns.ts'

interface WaitOptions {
  clock: Clock
  signal: AbortSignal
  timeoutMs: number
  tell: (text: string) => void
}

const firstLookMs = 500
const longestPauseMs = 5_000

/** Looks again until nothing more happens by itself, or time is up. Gives the installation as it was last seen. */
export async function waitUntilSettled(
  { installations }: Client,
  first: Installation,
  { clock, signal, timeoutMs, tell }: WaitOptions,
): Promise<Installation> {
  const endsAtMs = clock.monotonicMs() + timeoutMs
  let now = first
  for (let pauseMs = firstLookMs; !now.settled; pauseMs = Math.min(longestPauseMs, pauseMs * 1.3)) {
    tell([now.installationState, progressText(now)].filter(Boolean).join(' '))
    const leftMs = endsAtMs - clock.monotonicMs()
    if (leftMs <= 0) return now
    await clock.wait(Math.min(pauseMs, leftMs), signal)
    signal.throwIfAborted()
    now = await installations.get(now)
  }
  return now
}
