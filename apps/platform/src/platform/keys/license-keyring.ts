import { generateLicenseKey } from '@ocelli/license'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { byPlatform, type EventOrigin, emitEvents } from '../events/emit.ts'
import { type LicenseKeys, licenseKeys } from './instance-keys.ts'
import type { Vault } from './master-key.ts'

/**
 * The license keys of a running process. What it reads changes when `refresh` finds a rotation, so who signs takes
 * `signing` and `keyCertificate` out together: a token must never travel with another key's certificate.
 */
export interface LicenseKeyring extends LicenseKeys {
  /** Looks for a rotation by another process; true when there was one. */
  refresh(): Promise<boolean>
}

export async function openLicenseKeyring(db: Database, vault: Vault, nowMs: () => number): Promise<LicenseKeyring> {
  let present = await licenseKeys(db, vault, nowMs())
  return {
    get signing() {
      return present.signing
    },
    get keyCertificate() {
      return present.keyCertificate
    },
    get root() {
      return present.root
    },
    get publicKeys() {
      return present.publicKeys
    },
    async refresh() {
      const active = await db
        .selectFrom('instance_key')
        .select('key_id')
        .where('purpose', '=', 'license-signing')
        .where('retired_at', 'is', null)
        .executeTakeFirst()
      if (active?.key_id === present.signing.kid) return false
      present = await licenseKeys(db, vault, nowMs())
      return true
    },
  }
}

/**
 * Replaces the license signing key; `olderThanDays` only when it is older than that. Gives the new key's id, null when
 * nothing was replaced: too young, or another process was first. The private half of the old key is destroyed with it;
 * its public half stays, and licenses signed by it carry its certificate for ever.
 */
export async function rotateSigningKey(
  db: Database,
  vault: Vault,
  { olderThanDays = 0, origin = byPlatform }: { olderThanDays?: number; origin?: EventOrigin } = {},
): Promise<string | null> {
  const { privateKey, publicKey } = await generateLicenseKey()
  const purpose = 'license-signing'
  return await inTransaction(db, async (transaction) => {
    const { rows } = await sql<{ key_id: string }>`
      UPDATE instance_key SET retired_at = now(), sealed_private_part = ''
      WHERE purpose = ${purpose} AND retired_at IS NULL AND created_at <= now() - ${olderThanDays} * interval '1 day'
      RETURNING key_id`.execute(transaction)
    const [retired] = rows
    if (!retired) return null
    const sealed = vault.seal(JSON.stringify(privateKey), `${purpose}/${publicKey.kid}`)
    await sql`INSERT INTO instance_key (purpose, key_id, public_part, sealed_private_part)
      VALUES (${purpose}, ${publicKey.kid}, ${JSON.stringify(publicKey)}::jsonb, ${sealed})`.execute(transaction)
    const operator = await transaction
      .selectFrom('account')
      .select('account_id')
      .where('is_operator', '=', true)
      .executeTakeFirst()
    if (operator) {
      const data = { from: retired.key_id, to: publicKey.kid }
      await emitEvents(transaction, origin, [{ type: 'license-key.rotated', accountId: operator.account_id, data }])
    }
    return publicKey.kid
  })
}

export interface KeyOverview {
  rootThumbprint: string
  signing: { keyId: string; createdAt: string; retiredAt: string | null }[]
}

/** The root's thumbprint, and the signing keys, newest first. Null before the platform's first start. */
export async function describeLicenseKeys(db: Database): Promise<KeyOverview | null> {
  const rows = await db
    .selectFrom('instance_key')
    .select(['purpose', 'key_id as keyId', 'created_at as createdAt', 'retired_at as retiredAt'])
    .where('purpose', 'in', ['license-root', 'license-signing'])
    .orderBy('created_at', 'desc')
    .execute()
  const root = rows.find(({ purpose, retiredAt }) => purpose === 'license-root' && retiredAt === null)
  if (!root) return null
  const signing = rows.flatMap(({ purpose, ...key }) => (purpose === 'license-signing' ? [key] : []))
  return { rootThumbprint: root.keyId, signing }
}

/** The root's private JWK as JSON, for a safe place outside: whoever holds it can certify keys of this platform. */
export async function exportRoot(db: Database, vault: Vault): Promise<string | null> {
  const root = await db
    .selectFrom('instance_key')
    .select(['key_id', 'sealed_private_part'])
    .where('purpose', '=', 'license-root')
    .where('retired_at', 'is', null)
    .executeTakeFirst()
  return root ? vault.unseal(root.sealed_private_part, `license-root/${root.key_id}`) : null
}
