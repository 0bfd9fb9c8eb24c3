import { createHash } from 'node:crypto'

/**
 * Whose requests are counted together: those of one credential, or of one address where there is none. Hashed, since thousands
 * of keys are kept and a header may be 16 KB long.
 */
export function rateLimitKey({
  url,
  ip,
  headers,
}: {
  url: string
  ip: string
  headers: { authorization?: string | undefined }
}): string {
  // whoever signs in chooses what it sends there, so only the address counts
  if (url.startsWith('/auth/') || headers.authorization === undefined) return ip
  return createHash('sha256').update(headers.authorization).digest('base64url')
}
