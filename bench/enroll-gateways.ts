import { createHash, randomBytes } from 'node:crypto'
import type { Enrollment } from '@ocelli/contract'
import { inGroups } from './in-groups.ts'
import type { PlatformProcess } from './platform-process.ts'

const enrollingAtOnce = 20

/**
 * Enrolls gateways as any gateway is, each at a site of its own, with tokens written by SQL. All hold the key of one request:
 * the platform judges each certificate by itself.
 */
export async function enrollGateways(
  { url, pool }: PlatformProcess,
  { accountId, csr, count, maxInFlight = 5 }: { accountId: string; csr: string; count: number; maxInFlight?: number },
): Promise<Enrollment[]> {
  const secrets = Array.from({ length: count }, () => randomBytes(32).toString('base64url'))
  await pool.query(
    `WITH place AS (INSERT INTO site (account_id, name, max_in_flight)
       SELECT $2, 'Site ' || n, $3 FROM generate_series(1, cardinality($1::text[])) n RETURNING site_id),
     numbered AS (SELECT site_id, row_number() OVER () AS n FROM place)
     INSERT INTO enrollment_token (token_hash, account_id, site_id, expires_at)
     SELECT hash, $2, site_id, now() + interval '1 hour'
     FROM unnest($1::text[]) WITH ORDINALITY AS token (hash, n) JOIN numbered USING (n)`,
    [secrets.map((secret) => createHash('sha256').update(secret).digest('base64url')), accountId, maxInFlight],
  )
  return await inGroups(secrets, enrollingAtOnce, async (secret) => {
    const answer = await fetch(`${url}/device/v1/gateways/enroll`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ secret, csr, name: 'Bench', version: 'bench' }),
    })
    if (answer.status !== 201) throw new Error(`Enrollment answered ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as Enrollment
  })
}
