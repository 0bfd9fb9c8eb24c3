import { clientNetwork } from './client-network.ts'
import type { KnownCallers } from './known-callers.ts'

/**
 * Whose requests are counted together: those of one caller, by whatever tokens, once one of them was found good; else those of one
 * network. So made-up tokens all count for the network that they come from.
 */
export function rateLimitKey(
  { url, ip, headers }: { url: string; ip: string; headers: Parameters<KnownCallers['keyOf']>[0] },
  known: Pick<KnownCallers, 'keyOf'>,
): string {
  // whoever signs in chooses what it sends there, so only the network counts
  const caller = url.startsWith('/auth/') ? null : known.keyOf(headers)
  return caller ?? clientNetwork(ip)
}
