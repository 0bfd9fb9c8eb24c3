import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { hashToken } from './platform/auth/secret.ts'
import type { Database, DatabaseTransaction } from './platform/database/database.ts'
import { inTransaction } from './platform/database/in-transaction.ts'
import { byPlatform, emitEvents } from './platform/events/emit.ts'

interface LocalSite {
  siteId: string
  name: string
}

const firstName = 'Local'

/** The site of the built-in gateway, made where there is none and otherwise as people call it now, and a fresh token for it. */
export async function prepareLocalSite(
  db: Database,
  { accountId, caFingerprint }: { accountId: string; caFingerprint: string },
): Promise<LocalSite & { enrollmentToken: string }> {
  return await inTransaction(db, async (transaction) => {
    const site = (await findLocalSite(transaction)) ?? (await makeLocalSite(transaction, accountId))
    await sql`DELETE FROM enrollment_token WHERE expires_at < now() - interval '1 day'`.execute(transaction)
    const secret = randomBytes(32).toString('base64url')
    await sql`INSERT INTO enrollment_token (token_hash, account_id, site_id, expires_at)
      VALUES (${hashToken(secret)}, ${accountId}, ${site.siteId}, now() + interval '1 hour')`.execute(transaction)
    const content = JSON.stringify({ secret, siteId: site.siteId, caFingerprint })
    return { ...site, enrollmentToken: `oet1.${Buffer.from(content).toString('base64url')}` }
  })
}

async function findLocalSite(db: DatabaseTransaction): Promise<LocalSite | null> {
  const { rows } = await sql<LocalSite>`SELECT site_id AS "siteId", name FROM site WHERE is_local`.execute(db)
  return rows[0] ?? null
}

/** One of the name that people have made is taken: two of a name there cannot be. */
async function makeLocalSite(db: DatabaseTransaction, accountId: string): Promise<LocalSite> {
  const { rows } = await sql<LocalSite & { isNew: boolean }>`
    INSERT INTO site (account_id, name, is_local) VALUES (${accountId}, ${firstName}, true)
    ON CONFLICT (account_id, name) DO UPDATE SET is_local = true
    RETURNING site_id AS "siteId", name, created_at = now() AS "isNew"`.execute(db)
  const [made] = rows
  if (!made) throw new Error('An INSERT that updates what it meets gives its row.')
  const { isNew, ...site } = made
  if (isNew) await emitEvents(db, byPlatform, [{ type: 'site.created', accountId, data: { ...site } }])
  return site
}
