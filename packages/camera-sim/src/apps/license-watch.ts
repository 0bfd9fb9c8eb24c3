import type { Timers } from '../time.ts'
import type { AppStore } from './app-store.ts'

export interface LicenseWatch {
  /** Sets the timer for the next license of a running app that ends. */
  schedule(): void
  /** Judges all running apps now, as after a change of the clock. */
  recheck(): Promise<void>
}

export interface LicenseWatchOptions {
  store: AppStore
  timers: Timers
  deviceNowMs: () => number
  /** Stops the running apps that may no longer run. */
  stopUnlicensed: () => Promise<void>
}

/** Stops apps when their licenses end while they run. Has no timer while no running app has a license that ends. */
export function createLicenseWatch({ store, timers, deviceNowMs, stopUnlicensed }: LicenseWatchOptions): LicenseWatch {
  let cancel = () => {}

  function schedule(): void {
    cancel()
    const nowMs = deviceNowMs()
    const ends = store
      .all()
      .filter((app) => app.state === 'Active')
      .flatMap((app) => app.licenses.map((license) => license.validUntilMs ?? Number.POSITIVE_INFINITY))
      .filter((endMs) => Number.isFinite(endMs) && endMs > nowMs)
    if (ends.length > 0) cancel = timers.after(Math.min(...ends) - nowMs, recheck)
  }

  async function recheck(): Promise<void> {
    await stopUnlicensed()
    schedule()
  }

  return { schedule, recheck }
}
