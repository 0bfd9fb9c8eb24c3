import { type AppStateEvent, type AppStateSubscription, isOnvifError, type OnvifClient } from '@ocelli/onvif'

/** What the camera announces of its apps while one is installed; silent on cameras that have no events. */
export type InstallEvents = {
  readonly isListening: boolean
  /** Waits up to a second for events. A subscription that breaks is given up: polling goes on without it. */
  pull(signal: AbortSignal): Promise<AppStateEvent[]>
  close(): Promise<void>
}

const PULL_WAIT_MS = 1_000
// Within the two seconds that an aborted call has to come back.
const CLOSE_TIMEOUT_MS = 1_500

/** Subscribes before the upload, so that nothing is missed. Throws only what would end the installation anyway. */
export async function listenForInstall(client: OnvifClient, signal: AbortSignal): Promise<InstallEvents> {
  let subscription: AppStateSubscription | null = await orGiveUp(client.subscribeAppStates({ signal }))

  return {
    get isListening() {
      return subscription !== null
    },
    async pull(pullSignal) {
      if (subscription === null) return []
      const events = await orGiveUp(subscription.pull({ waitMs: PULL_WAIT_MS, signal: pullSignal }))
      if (events === null) subscription = null
      return events ?? []
    },
    async close() {
      // Cameras hold few subscriptions; one that cannot be given back lapses in minutes.
      if (subscription !== null)
        await orGiveUp(subscription.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) }), true)
    },
  }
}

/** Null when the camera cannot or will not; events are a help, never a condition. */
async function orGiveUp<Result>(call: Promise<Result>, isLast = false): Promise<Result | null> {
  try {
    return await call
  } catch (error) {
    if (!isOnvifError(error)) throw error
    const isDecisive = ['cancelled', 'credentials-refused', 'certificate-changed'].includes(error.code)
    if (isDecisive && !isLast) throw error
    return null
  }
}
