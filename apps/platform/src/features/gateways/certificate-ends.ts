import { sql } from 'kysely'
import { maySpeak } from '../../platform/broker/may-speak.ts'
import type { Database } from '../../platform/database/database.ts'

export interface CertificateEnds {
  /** Milliseconds since 1970; null: no gateway has a certificate that counts. */
  firstAtMs: number | null
  /** How many end within `soonDays`, or have ended. */
  endingSoon: number
}

/**
 * Of all gateways of this instance but those that can have no new one: revoked, or of a suspended account. A gateway renews
 * four months ahead, so whoever comes near the end is off, cut off, or forgotten.
 */
export async function readCertificateEnds(db: Database, soonDays: number): Promise<CertificateEnds> {
  const { rows } = await sql<CertificateEnds>`
    SELECT (extract(epoch FROM min(g.certificate_expires_at)) * 1000)::float8 AS "firstAtMs",
      count(*) FILTER (WHERE g.certificate_expires_at <= now() + ${soonDays} * interval '1 day')::int AS "endingSoon"
    FROM gateway g WHERE ${maySpeak}`.execute(db)
  const [ends] = rows
  return ends ?? { firstAtMs: null, endingSoon: 0 }
}
