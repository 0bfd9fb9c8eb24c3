import { renewableAfterEndDays } from '@ocelli/contract'
import { decodeJwt, importJWK, type JWK, type JWTPayload, jwtVerify } from 'jose'
import { sql } from 'kysely'
import { hashToken } from '../../platform/auth/secret.ts'
import type { Database } from '../../platform/database/database.ts'
import { TokenRefused } from './token-refusal.ts'

const audience = 'urn:ocelli:platform'
const maxLifeSeconds = 300
const leewaySeconds = 60
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Who signed the assertion, for counting failures; not verified. */
export function claimedIssuer(assertion: string): string {
  try {
    return String(decodeJwt(assertion).iss ?? '')
  } catch {
    // not a JWT at all: refused by name when it is verified
    return ''
  }
}

/** The gateway that signed the assertion with its certificate's key (RFC 7523, 3). Each assertion counts once. */
export async function verifyClientAssertion(
  db: Database,
  assertion: string,
  nowMs: number,
): Promise<{ gatewayId: string }> {
  const gatewayId = claimedIssuer(assertion)
  const row = uuid.test(gatewayId)
    ? await db
        .selectFrom('gateway as g')
        .innerJoin('account as a', 'a.account_id', 'g.account_id')
        .where('g.gateway_id', '=', gatewayId)
        .where('g.revoked_at', 'is', null)
        .where('a.suspended_at', 'is', null)
        .select('g.public_key')
        .select(
          sql<boolean>`g.certificate_expires_at < now() - ${renewableAfterEndDays} * interval '1 day'`.as(
            'is_forgotten',
          ),
        )
        .executeTakeFirst()
    : undefined
  if (!row) throw refused('The assertion is not of a gateway that is enrolled here.')
  if (row.is_forgotten) {
    throw refused(
      `The certificate of this gateway ended more than ${renewableAfterEndDays} days ago. Enroll it again with a new token of its site; it keeps its id.`,
    )
  }
  const claims = await verify(assertion, row.public_key as JWK, { gatewayId, nowMs })
  await use(db, `${gatewayId}/${claims.jti}`, claims.exp)
  return { gatewayId }
}

async function verify(
  assertion: string,
  key: JWK,
  { gatewayId, nowMs }: { gatewayId: string; nowMs: number },
): Promise<{ jti: string; exp: number }> {
  let payload: JWTPayload
  try {
    const result = await jwtVerify(assertion, await importJWK(key, 'ES256'), {
      algorithms: ['ES256'],
      issuer: gatewayId,
      subject: gatewayId,
      audience,
      clockTolerance: leewaySeconds,
      currentDate: new Date(nowMs),
      requiredClaims: ['exp', 'jti'],
    })
    payload = result.payload
  } catch (cause) {
    const isExpired = (cause as { code?: string }).code === 'ERR_JWT_EXPIRED'
    throw refused(
      isExpired ? 'The assertion has expired. Check the clock against the Date header.' : 'The assertion is not valid.',
      cause,
    )
  }
  const { jti, exp } = payload
  if (typeof jti !== 'string' || jti.length === 0 || jti.length > 255 || exp === undefined) {
    throw refused('The assertion needs jti, of up to 255 characters, and exp.')
  }
  if (exp > nowMs / 1000 + maxLifeSeconds + leewaySeconds) {
    throw refused('The assertion lives longer than five minutes. Check the clock against the Date header.')
  }
  return { jti, exp }
}

/** Rows that no replay can use any more are cleared away by the way, a few at a time and never waiting for another. */
async function use(db: Database, name: string, expSeconds: number): Promise<void> {
  const { rows } = await sql`
    WITH cleared AS (
      DELETE FROM client_assertion WHERE jti_hash IN
        (SELECT jti_hash FROM client_assertion WHERE expires_at < now() LIMIT 20 FOR UPDATE SKIP LOCKED)
    )
    INSERT INTO client_assertion (jti_hash, expires_at)
    VALUES (${hashToken(name)}, to_timestamp(${expSeconds + 2 * leewaySeconds}::float8))
    ON CONFLICT DO NOTHING RETURNING jti_hash`.execute(db)
  if (rows.length === 0) throw refused('The assertion was used already. Sign a new one, with a jti of its own.')
}

const refused = (description: string, cause?: unknown) => new TokenRefused('invalid_client', description, { cause })
