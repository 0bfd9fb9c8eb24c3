import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { hashToken } from './platform/auth/secret.ts'
import type { Database } from './platform/database/database.ts'

/** The site of the built-in gateway, made at first start, and a fresh enrollment token for it. */
export async function prepareLocalSite(
  db: Database,
  { accountId, caFingerprint }: { accountId: string; caFingerprint: string },
): Promise<{ siteId: string; enrollmentToken: string }> {
  await sql`INSERT INTO site (account_id, name) VALUES (${accountId}, 'Local') ON CONFLICT DO NOTHING`.execute(db)
  const { site_id: siteId } = await db
    .selectFrom('site')
    .select('site_id')
    .where('account_id', '=', accountId)
    .where('name', '=', 'Local')
    .executeTakeFirstOrThrow()
  await sql`DELETE FROM enrollment_token WHERE expires_at < now() - interval '1 day'`.execute(db)
  const secret = randomBytes(32).toString('base64url')
  await sql`INSERT INTO enrollment_token (token_hash, account_id, site_id, expires_at)
    VALUES (${hashToken(secret)}, ${accountId}, ${siteId}, now() + interval '1 hour')`.execute(db)
  const content = JSON.stringify({ secret, siteId, caFingerprint })
  return { siteId, enrollmentToken: `oet1.${Buffer.from(content).toString('base64url')}` }
}
