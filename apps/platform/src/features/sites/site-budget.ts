import type { SiteBudgetHours } from '@ocelli/contract'
import { isInWindow, wallClock } from './day-window.ts'

export interface SiteBudget {
  timeZone: string
  maxInFlight: number
  /** Null: as fast as it goes. */
  downloadBytesPerSecond: number | null
  uploadBytesPerSecond: number | null
  budgetHours: SiteBudgetHours[]
}

export type BudgetNow = Pick<SiteBudget, 'maxInFlight' | 'downloadBytesPerSecond' | 'uploadBytesPerSecond'>

/** The budget at this hour by the site's own clock: that of the first hours that hold, else the site's own. Pure. */
export function budgetNow(site: SiteBudget, nowMs: number): BudgetNow {
  const { maxInFlight, downloadBytesPerSecond, uploadBytesPerSecond, budgetHours } = site
  if (budgetHours.length === 0) return { maxInFlight, downloadBytesPerSecond, uploadBytesPerSecond }
  const clock = wallClock(site.timeZone, nowMs)
  const hours = budgetHours.find((candidate) => isInWindow(candidate, clock))
  return {
    maxInFlight: hours?.maxInFlight ?? maxInFlight,
    downloadBytesPerSecond: hours?.downloadBytesPerSecond ?? downloadBytesPerSecond,
    uploadBytesPerSecond: hours?.uploadBytesPerSecond ?? uploadBytesPerSecond,
  }
}

/** The share of a rate of one of several gateways: shares sum to it, the first get what is left over, each at least one. */
export function shareOf(budget: number, { place, sharers }: { place: number; sharers: number }): number {
  return Math.max(1, Math.floor(budget / sharers) + (place < budget % sharers ? 1 : 0))
}
