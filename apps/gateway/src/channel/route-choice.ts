/** The two ways to the broker: `direct` is MQTT on its own port, `web-socket` the same inside HTTPS. */
export type RouteKind = 'direct' | 'web-socket'

/** Which way to try first; the direct one costs the platform less and needs no access token. */
export interface RouteChoice {
  order(): [RouteKind, RouteKind]
  connected(kind: RouteKind): void
  /** While connected by the second choice: when to look again whether the first is open. */
  lookAgainAfterMs(): number
  /** It looked open from outside. */
  directLooksOpen(): void
  directLooksClosed(): void
}

const firstLookMs = 10 * 60_000
const lastLookMs = 2 * 60 * 60_000

/**
 * Where port 8883 is closed, every attempt at it costs a timeout: so the way that worked last comes first, and the
 * direct way is looked at from time to time, ever more rarely while it disappoints.
 */
export function createRouteChoice(): RouteChoice {
  let first: RouteKind = 'direct'
  let lookMs = firstLookMs
  const rarer = () => {
    lookMs = Math.min(lastLookMs, lookMs * 2)
  }
  return {
    order: () => (first === 'direct' ? ['direct', 'web-socket'] : ['web-socket', 'direct']),
    connected(kind) {
      first = kind
      if (kind === 'direct') lookMs = firstLookMs
    },
    lookAgainAfterMs: () => lookMs,
    directLooksOpen() {
      first = 'direct'
      // Some firewalls let a connection begin and then swallow it; coming back from that too often would be a flapping line.
      rarer()
    },
    directLooksClosed: rarer,
  }
}
