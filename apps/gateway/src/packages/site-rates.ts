import type { Clock } from '../state/clock.ts'
import { createRateLimit, type RateLimit } from './rate-limit.ts'

/** How fast bytes may pass for each site of this gateway. Sites that are not named are not limited. */
export interface SiteRates {
  /** Bytes per second by site, of all that are limited from now on. */
  set(rates: ReadonlyMap<string, number>): void
  /** Resolves when so many bytes may have passed for these sites; the fastest of them is charged. */
  take(bytes: number, by: { siteIds: Iterable<string>; signal: AbortSignal }): Promise<void>
  /** Time that the limit of the site alone needs for so many bytes, in milliseconds. */
  needsMs(siteId: string, bytes: number): number
}

export function createSiteRates(clock: Pick<Clock, 'monotonic' | 'sleep'>): SiteRates {
  const limits = new Map<string, { limit: RateLimit; perSecond: number }>()

  return {
    set(rates) {
      for (const [siteId, { limit }] of limits) {
        if (rates.has(siteId)) continue
        // who waits still takes from it
        limit.set(null)
        limits.delete(siteId)
      }
      for (const [siteId, perSecond] of rates) {
        const limit = limits.get(siteId)?.limit ?? createRateLimit(clock)
        limit.set(perSecond)
        limits.set(siteId, { limit, perSecond })
      }
    },
    async take(bytes, { siteIds, signal }) {
      let fastest: { limit: RateLimit; perSecond: number } | null = null
      for (const siteId of siteIds) {
        const own = limits.get(siteId)
        if (!own) return
        if (!fastest || own.perSecond > fastest.perSecond) fastest = own
      }
      await fastest?.limit.take(bytes, signal)
    },
    needsMs: (siteId, bytes) => limits.get(siteId)?.limit.needsMs(bytes) ?? 0,
  }
}
