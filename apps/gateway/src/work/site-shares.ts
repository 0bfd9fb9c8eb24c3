import type { ShareInUse, SiteShare } from '@ocelli/contract'

/** How soon the platform hears that cameras of a shared site have begun to wait, or no longer do. */
const loadToldWithinMs = 2_000

/** What this gateway may do in its sites, as the platform of the present session says. */
export interface SiteShares {
  /** A session begins: what it says holds, and nothing that was said before it. */
  begin(sites: SiteShare[]): void
  /** A share that is older than the one known changes nothing. */
  take(sites: SiteShare[]): void
  /** Null: the platform has not said what may be done there. */
  of(siteId: string): SiteShare | null
  /** Bytes per second by site, of those that are limited. */
  rates(kind: 'downloadBytesPerSecond' | 'uploadBytesPerSecond'): ReadonlyMap<string, number>
  /** What the next heartbeat says. */
  inUse(): ShareInUse[]
  /** A camera waits in a site of which the platform has said nothing: it came there after the welcome. */
  hasGap(): boolean
  /** More or fewer cameras are at work in a site, or wait. */
  loadChanged(siteId: string): void
}

export interface SiteSharesOptions {
  counts: (siteId: string) => { granted: number; waiting: number }
  /** Shares have changed. */
  onChange: () => void
  /** The platform is to hear what is in use. */
  tellWithin: (ms: number) => void
}

/**
 * The share of a session counts by its number. The platform gives another gateway what this one loses only when this one has
 * said, under that number, that it keeps to less: so every change is answered at once, and so is every camera that ends
 * while there are more at work than there should be.
 */
export function createSiteShares({ counts, onChange, tellWithin }: SiteSharesOptions): SiteShares {
  const shares = new Map<string, SiteShare>()
  const told = new Map<string, ShareInUse>()
  const unknown = new Set<string>()

  function take(sites: SiteShare[]): void {
    for (const site of sites) {
      const known = shares.get(site.siteId)
      // older platforms count nothing: what comes last holds
      if (known?.number !== undefined && site.number !== undefined && site.number <= known.number) continue
      shares.set(site.siteId, site)
    }
    onChange()
    tellWithin(0)
  }

  function inUseOf({ siteId, number = 0 }: SiteShare): ShareInUse {
    const { granted, waiting } = counts(siteId)
    return { siteId, number, inFlight: granted, waiting }
  }

  return {
    begin(sites) {
      shares.clear()
      told.clear()
      unknown.clear()
      take(sites)
    },
    take,
    of: (siteId) => shares.get(siteId) ?? null,
    rates(kind) {
      const rates = new Map<string, number>()
      for (const [siteId, { [kind]: rate }] of shares) if (typeof rate === 'number') rates.set(siteId, rate)
      return rates
    },
    inUse() {
      const said = [...shares.values()].filter(({ number }) => number !== undefined).map(inUseOf)
      for (const one of said) told.set(one.siteId, one)
      return said
    },
    hasGap: () => unknown.size > 0,
    loadChanged(siteId) {
      const share = shares.get(siteId)
      if (!share && counts(siteId).waiting > 0) unknown.add(siteId)
      if (!share?.isShared) return
      const before = told.get(siteId)
      const now = inUseOf(share)
      const wasOver = before !== undefined && before.inFlight > share.maxInFlight
      if (wasOver && now.inFlight < before.inFlight) tellWithin(0)
      else if (before?.inFlight !== now.inFlight || before.waiting !== now.waiting) tellWithin(loadToldWithinMs)
    },
  }
}
