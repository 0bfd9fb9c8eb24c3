import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'

const tryEveryMs = 1000

export interface Patience {
  patienceMs: number
  signal: AbortSignal
  log: Logger
}

/**
 * Connects to a part as soon as it answers: after a power cut the machines of one room come back in any order. What is no
 * absence, such as a refused login, is thrown at once; absence when patience is at its end. Throws the signal's reason.
 */
export async function awaitPart<Result>(
  connect: () => Promise<Result>,
  options: Patience & { part: string; isAway: (error: unknown) => boolean },
): Promise<Result> {
  const { part, isAway, patienceMs, signal, log } = options
  const beganAtMs = performance.now()
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      return await connect()
    } catch (error) {
      if (!isAway(error) || performance.now() - beganAtMs >= patienceMs) throw error
      if (attempt === 1) log.warn({ part, err: error, patienceMs }, 'a part of the platform does not answer yet')
    }
    await pause(tryEveryMs, undefined, { signal })
  }
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** Node's errors of a server that is not there, or not there any more. */
export function isNetworkFailure(error: unknown): boolean {
  return networkCodes.has(String((error as { code?: unknown } | null)?.code))
}
