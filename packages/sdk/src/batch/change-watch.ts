import type { Event } from '@ocelli/contract'
import type { Clock } from '../clock.ts'
import { isOcelliError } from '../errors/ocelli-error.ts'
import { onAbort } from '../on-abort.ts'

/** Tells when something may have changed on a device. */
export interface ChangeWatch {
  watch(deviceId: string): DeviceWatch
  close(): Promise<void>
}

export interface DeviceWatch {
  /** Resolves at the next event of the device since it was last asked, or when it is time to look in any case. */
  changed(signal: AbortSignal | undefined): Promise<void>
  end(): void
}

/** With events a look now and then is enough; without, it is all there is. */
const pollWithEventsMs = 60_000
/** What happened before the stream was open is in no event. */
const firstLookMs = 5000
const pollFirstMs = 2000
const pollLongestMs = 15_000

function quietTimeMs(isLive: boolean, polls: number): number {
  if (isLive) return polls === 0 ? firstLookMs : pollWithEventsMs
  return Math.min(pollLongestMs, pollFirstMs * 1.5 ** polls)
}

/** Follows the events of an app; where that is not allowed or breaks for good, polling alone goes on. */
export function watchChanges({
  clock,
  stream,
}: {
  clock: Clock
  stream: (signal: AbortSignal) => AsyncIterable<Event>
}): ChangeWatch {
  const closing = new AbortController()
  const listeners = new Map<string, () => void>()
  let isLive = true
  const follow = async () => {
    try {
      for await (const { deviceId } of stream(closing.signal)) if (deviceId !== null) listeners.get(deviceId)?.()
    } catch (error) {
      if (!isOcelliError(error)) throw error
    } finally {
      isLive = false
      for (const wake of listeners.values()) wake()
    }
  }
  const fault = follow().then(
    () => null,
    (error: unknown) => error,
  )
  return {
    watch(deviceId) {
      let isChanged = false
      let polls = 0
      let wake = () => {}
      listeners.set(deviceId, () => {
        isChanged = true
        wake()
      })
      return {
        async changed(signal) {
          if (!isChanged) {
            const quietMs = quietTimeMs(isLive, polls++)
            const woken = new AbortController()
            wake = () => woken.abort()
            const forget = onAbort(signal, wake)
            await clock.wait(quietMs, woken.signal)
            forget()
          }
          isChanged = false
        },
        end: () => listeners.delete(deviceId),
      }
    },
    async close() {
      closing.abort()
      const error = await fault
      if (error !== null) throw error
    },
  }
}
