import { randomBytes } from 'node:crypto'
import {
  certifyKey,
  generateLicenseKey,
  type PrivateLicenseKey,
  type PublicLicenseKey,
  toPublicKey,
} from '@ocelli/license'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import type { Vault } from './master-key.ts'

type Purpose = Tables['instance_key']['purpose']

export interface LicenseKeys {
  signing: PrivateLicenseKey
  /** Certifies the signing key by the root; travels in every license file. */
  keyCertificate: string
  root: PublicLicenseKey
  /** Every key that licenses may still be verified with. */
  publicKeys: PublicLicenseKey[]
}

/** Reads the active key of a purpose, or makes it; two processes that make it at once end up with the same one. */
export async function activeKey(
  db: Database,
  vault: Vault,
  {
    purpose,
    make,
  }: { purpose: Purpose; make: () => Promise<{ keyId: string; publicPart: unknown; privatePart: string }> },
): Promise<{ keyId: string; publicPart: unknown; privatePart: string }> {
  const read = async () => {
    const row = await db
      .selectFrom('instance_key')
      .selectAll()
      .where('purpose', '=', purpose)
      .where('retired_at', 'is', null)
      .executeTakeFirst()
    return row
      ? {
          keyId: row.key_id,
          publicPart: row.public_part,
          privatePart: vault.unseal(row.sealed_private_part, `${purpose}/${row.key_id}`),
        }
      : null
  }
  const existing = await read()
  if (existing) return existing
  const { keyId, publicPart, privatePart } = await make()
  await sql`INSERT INTO instance_key (purpose, key_id, public_part, sealed_private_part)
    VALUES (${purpose}, ${keyId}, ${JSON.stringify(publicPart)}::jsonb, ${vault.seal(privatePart, `${purpose}/${keyId}`)})
    ON CONFLICT DO NOTHING`.execute(db)
  const made = await read()
  if (!made) throw new Error(`No active ${purpose} key after making one.`)
  return made
}

/** The key that access tokens are signed with. */
export async function accessTokenKey(db: Database, vault: Vault): Promise<Uint8Array> {
  const { privatePart } = await activeKey(db, vault, {
    purpose: 'access-token',
    make: async () => ({
      keyId: randomBytes(8).toString('hex'),
      publicPart: {},
      privatePart: randomBytes(32).toString('base64'),
    }),
  })
  return Buffer.from(privatePart, 'base64')
}

/** Root and signing key for licenses; the root certifies the signing key (rules.md 5). */
export async function licenseKeys(db: Database, vault: Vault, nowMs: number): Promise<LicenseKeys> {
  const make = async () => {
    const { privateKey, publicKey } = await generateLicenseKey()
    return { keyId: publicKey.kid, publicPart: publicKey, privatePart: JSON.stringify(privateKey) }
  }
  const root = JSON.parse(
    (await activeKey(db, vault, { purpose: 'license-root', make })).privatePart,
  ) as PrivateLicenseKey
  const signing = JSON.parse(
    (await activeKey(db, vault, { purpose: 'license-signing', make })).privatePart,
  ) as PrivateLicenseKey
  const keyCertificate = await certifyKey({ root, subject: toPublicKey(signing), issuedAt: Math.floor(nowMs / 1000) })
  const rows = await db
    .selectFrom('instance_key')
    .select('public_part')
    .where('purpose', 'in', ['license-root', 'license-signing'])
    .orderBy('created_at')
    .execute()
  return {
    signing,
    keyCertificate,
    root: toPublicKey(root),
    publicKeys: rows.map((row) => row.public_part as unknown as PublicLicenseKey),
  }
}
