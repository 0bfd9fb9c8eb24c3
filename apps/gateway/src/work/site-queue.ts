/** A place in a site's queue. Release it always: when the work is done, and when it is no longer wanted. */
export interface Ticket {
  readonly siteId: string
  readonly isGranted: boolean
  /** Between two steps: goes back to the head of those who wait if more are at work than the limit has become. */
  giveWay(): void
  release(): void
}

/**
 * Admission of devices to work, by site: at most `limitOf(site)` hold a granted ticket, the others wait in the order they
 * came. Whoever has done one piece of work and wants more releases and asks again, so nobody waits behind a long list.
 */
export interface SiteQueue {
  /** `onGranted` is called at each grant, but never during `request`; a ticket may be granted at once. */
  request(siteId: string, onGranted: () => void): Ticket
  /** Call after limits have changed. A lowered limit holds for the next grants, and for who asks whether to give way. */
  limitsChanged(): void
  counts(siteId: string): { granted: number; waiting: number }
}

interface Place extends Ticket {
  isGranted: boolean
  onGranted: () => void
}

export function createSiteQueue(
  limitOf: (siteId: string) => number,
  onChange: (siteId: string) => void = () => undefined,
): SiteQueue {
  const sites = new Map<string, { granted: Set<Place>; waiting: Set<Place> }>()

  function siteOf(siteId: string) {
    const known = sites.get(siteId)
    if (known) return known
    const site = { granted: new Set<Place>(), waiting: new Set<Place>() }
    sites.set(siteId, site)
    return site
  }

  function admit(siteId: string): Place[] {
    const site = siteOf(siteId)
    const admitted: Place[] = []
    for (const place of site.waiting) {
      if (site.granted.size >= limitOf(siteId)) break
      site.waiting.delete(place)
      site.granted.add(place)
      place.isGranted = true
      admitted.push(place)
    }
    if (site.granted.size + site.waiting.size === 0) sites.delete(siteId)
    return admitted
  }

  const admitAndTell = (siteId: string) => {
    for (const place of admit(siteId)) place.onGranted()
    onChange(siteId)
  }

  return {
    request(siteId, onGranted) {
      const place: Place = {
        siteId,
        isGranted: false,
        onGranted,
        giveWay() {
          const site = siteOf(siteId)
          // the first to come stay: a limit that falls twice takes from the same
          if (!place.isGranted || [...site.granted].indexOf(place) < limitOf(siteId)) return
          place.isGranted = false
          site.granted.delete(place)
          site.waiting = new Set([place, ...site.waiting])
          onChange(siteId)
        },
        release() {
          const site = siteOf(siteId)
          place.isGranted = false
          site.granted.delete(place)
          site.waiting.delete(place)
          admitAndTell(siteId)
        },
      }
      siteOf(siteId).waiting.add(place)
      for (const other of admit(siteId)) if (other !== place) other.onGranted()
      onChange(siteId)
      return place
    },
    limitsChanged() {
      for (const siteId of [...sites.keys()]) admitAndTell(siteId)
    },
    counts(siteId) {
      const site = sites.get(siteId)
      return { granted: site?.granted.size ?? 0, waiting: site?.waiting.size ?? 0 }
    },
  }
}

/** Waits for a place; rejects with the signal's reason. The ticket is to be released. */
export async function enterQueue(queue: SiteQueue, siteId: string, signal: AbortSignal): Promise<Ticket> {
  const granted = Promise.withResolvers<void>()
  const ticket = queue.request(siteId, granted.resolve)
  if (ticket.isGranted) return ticket
  const onAbort = () => granted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await granted.promise
    return ticket
  } catch (error) {
    ticket.release()
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
