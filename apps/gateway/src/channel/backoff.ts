const firstCeilingMs = 1_000
const lastCeilingMs = 120_000

/**
 * Full jitter: anywhere below a ceiling that doubles from 1 s to 2 min, so that ten thousand gateways that lost one
 * platform in the same moment do not return in the same moment. `failures` counts from 0.
 */
export function reconnectWaitMs(failures: number, random: () => number): number {
  return random() * Math.min(lastCeilingMs, firstCeilingMs * 2 ** Math.min(failures, 30))
}
