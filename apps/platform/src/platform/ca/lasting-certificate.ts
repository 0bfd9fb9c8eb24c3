import { X509Certificate } from 'node:crypto'
import type { KeyAndCertificate } from './certificate-authority.ts'

/** A certificate with its key that is issued anew in time, for a process that runs longer than any certificate lives. */
export interface LastingCertificate {
  /** The same object until the next one is due. Rejects when that cannot be issued; the former one goes on. */
  present(): Promise<KeyAndCertificate>
}

/**
 * The next one is due `renewedAfterMs` after the last was issued, at two thirds of its life where that is shorter (the CA
 * may be near its own end), and when it has not begun: it was issued while the clock stood in the future, and nobody
 * else takes it for valid.
 */
export function createLastingCertificate(options: {
  issue: () => Promise<KeyAndCertificate>
  renewedAfterMs: number
  nowMs: () => number
}): LastingCertificate {
  const { issue, renewedAfterMs, nowMs } = options
  let last: (KeyAndCertificate & { beginsAtMs: number; dueAtMs: number }) | null = null

  async function next(): Promise<KeyAndCertificate> {
    const issuedAtMs = nowMs()
    const pair = await issue()
    const { validFromDate, validToDate } = new X509Certificate(pair.certPem)
    const lifeMs = validToDate.getTime() - issuedAtMs
    const dueAtMs = issuedAtMs + Math.min(renewedAfterMs, (lifeMs * 2) / 3)
    last = { ...pair, beginsAtMs: validFromDate.getTime(), dueAtMs }
    return last
  }

  return {
    present: async () => (last && nowMs() >= last.beginsAtMs && nowMs() < last.dueAtMs ? last : await next()),
  }
}
