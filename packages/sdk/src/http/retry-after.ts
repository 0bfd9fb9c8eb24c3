/** What a Retry-After asks for in ms, never negative; null when absent or unreadable (RFC 9110, 10.2.3). */
export function readRetryAfterMs(headers: Headers, nowMs: number): number | null {
  const text = headers.get('retry-after')?.trim()
  if (!text) return null
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const atMs = httpDateMs(text)
  if (atMs === null) return null
  // against the sender's own clock where it tells it: ours may be wrong by years
  const senderNowMs = httpDateMs(headers.get('date') ?? '')
  return Math.max(0, atMs - (senderNowMs ?? nowMs))
}

/** Only the form that must be sent (RFC 9110, 5.6.7); Date.parse alone takes nearly any text. */
function httpDateMs(text: string): number | null {
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return null
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? null : ms
}
