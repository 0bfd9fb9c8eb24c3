import type { Clock } from '../clock.ts'
import { cancelled } from '../errors/ocelli-error.ts'
import { onAbort } from '../on-abort.ts'

export interface IssuedToken {
  token: string
  lifetimeMs: number
}

/** One access token for all calls of a client. */
export interface TokenSource {
  /** The present token; fetched, or waited for, when there is none or it is about to end. */
  get(signal?: AbortSignal): Promise<string>
  /** Not to be given out again; a newer one stays. */
  forget(token: string): void
}

/** Renewed while it is still good, so that no call starts with a token that ends under way. */
const renewBeforeEndMs = 60_000
const renewBeforeEndShare = 0.2

/**
 * | state | get | forget |
 * | --- | --- | --- |
 * | none | fetch; everybody waits for that one | - |
 * | fetching | wait for it | - |
 * | good | give it | none, if it is this one |
 * | ending | fetch; everybody waits for that one | none, if it is this one |
 *
 * A fetch that fails fails for all who waited, and the next `get` fetches again.
 */
export function createTokenSource({
  fetchToken,
  clock,
}: {
  fetchToken: () => Promise<IssuedToken>
  clock: Clock
}): TokenSource {
  let held: { token: string; renewAtMs: number } | null = null
  let fetching: Promise<string> | null = null

  const renew = async (): Promise<string> => {
    const askedAtMs = clock.monotonicMs()
    const { token, lifetimeMs } = await fetchToken()
    const earlyMs = Math.min(renewBeforeEndMs, lifetimeMs * renewBeforeEndShare)
    held = { token, renewAtMs: askedAtMs + lifetimeMs - earlyMs }
    return token
  }
  return {
    async get(signal) {
      if (held && held.renewAtMs > clock.monotonicMs()) return held.token
      fetching ??= renew().finally(() => {
        fetching = null
      })
      return await unlessAborted(fetching, signal)
    },
    forget(token) {
      if (held?.token === token) held = null
    },
  }
}

/** One who goes away does not end the fetch that others wait for. */
async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (!signal) return await promise
  let forget = () => {}
  const aborted = new Promise<never>((_, reject) => {
    forget = onAbort(signal, () => reject(cancelled(signal)))
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    forget()
  }
}
