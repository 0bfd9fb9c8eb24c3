import type { ReceiptReported } from '@ocelli/contract'
import { type PublicLicenseKey, type ReceiptClaims, verifyReceipt } from '@ocelli/license'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import type { Database, DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { type DecidedEntry, dateEntries, decideReceipt, type ReceiptLicense } from './receipt-rules.ts'
import { recordReceipt } from './record-receipt.ts'

/** A receipt found on some stick after this time says nothing about today. */
const maxAgeDays = 365
/** The end of the year 9999, in seconds since 1970. */
const maxSeconds = 253_402_300_799

/**
 * Counts what somebody did to cameras that the platform does not reach, signed with a key enrolled in this account.
 * Each entry counts once, and by the permissions of the one who reports it.
 */
export async function reportReceipt(
  context: Context,
  text: string,
  { nowMs }: { nowMs: () => number },
): Promise<ReceiptReported> {
  const { claims, keyId } = await verify(context, text.trim())
  if (claims.iat * 1000 < nowMs() - maxAgeDays * 86_400_000) {
    throw invalid('expired', `The receipt was signed more than ${maxAgeDays} days ago. Look at the cameras again.`)
  }
  const decided = await inTransaction(context.db, async (db) => {
    const inside = { ...context, db }
    const bundle = claims.bundle === null ? null : await requireBundle(inside, claims.bundle)
    const licenses = await lockLicenses(db, inside, claims)
    const reportedAt = await readClock(db)
    const result = decideReceipt(dateEntries(claims.entries, reportedAt), {
      ...{ licenses, bundle, permissions: context.caller.permissions },
      countedNonces: await readNonces(db, context.caller.accountId, claims),
    })
    await recordReceipt(db, inside, { claims, keyId, statement: text.trim(), decided: result, licenses, reportedAt })
    return result
  })
  return { receiptId: claims.jti, bundleId: claims.bundle, keyId, entries: decided.map(toOutcome) }
}

function toOutcome({ entry, outcome, code, detail }: DecidedEntry): ReceiptReported['entries'][number] {
  const { licenseId, deviceId, appId, result, nonce } = entry
  return { licenseId, deviceId, appId, result, nonce, outcome, code, detail }
}

async function verify({ db, caller }: Context, text: string): Promise<{ claims: ReceiptClaims; keyId: string }> {
  const trust = await readKeys(db, caller.accountId)
  const verified = await verifyReceipt(text, { trust })
  if (!verified.valid) throw invalid(verified.reason, verified.detail)
  const { claims, keyId } = verified
  if ([claims.iat, ...claims.entries.map(({ at }) => at)].some((seconds) => seconds > maxSeconds)) {
    throw invalid('damaged', 'The receipt names a time after the year 9999. Set the clock, and sign it again.')
  }
  const entries = claims.entries.map((entry) => ({
    ...{ ...entry, version: withoutNul(entry.version), detail: withoutNul(entry.detail) },
  }))
  return { claims: { ...claims, entries }, keyId }
}

/** PostgreSQL's text holds no NUL, and a camera's words are no reason to lose a receipt. */
const withoutNul = (text: string | null) => text?.replaceAll('\u0000', '') ?? null

/** Keys whose owners still are people or machines of the account. */
async function readKeys(db: Database, accountId: string): Promise<PublicLicenseKey[]> {
  const { rows } = await sql<{ public_key: PublicLicenseKey }>`
    SELECT k.public_key FROM signing_key k LEFT JOIN technical_user t ON t.client_id = k.client_id
    WHERE k.account_id = ${accountId} AND k.revoked_at IS NULL AND t.revoked_at IS NULL`.execute(db)
  return rows.map((row) => row.public_key)
}

async function requireBundle({ db, caller }: Context, bundleId: string) {
  const { rows } = await sql<{ expiresAt: string; licenseIds: string[] }>`
    SELECT b.expires_at AS "expiresAt",
      ARRAY(SELECT bl.license_id::text FROM bundle_license bl WHERE bl.bundle_id = b.bundle_id) AS "licenseIds"
    FROM bundle b WHERE b.account_id = ${caller.accountId} AND b.bundle_id = ${bundleId}`.execute(db)
  const [bundle] = rows
  if (!bundle) throw invalid('unknown-bundle', `Your account has made no bundle ${bundleId}.`)
  return { expiresAtMs: Date.parse(bundle.expiresAt), licenseIds: new Set(bundle.licenseIds) }
}

/** Seconds since 1970. Read under the locks: what follows another receipt about the same license is never dated before it. */
async function readClock(db: DatabaseTransaction): Promise<number> {
  const { rows } = await sql<{ now: number }>`SELECT extract(epoch FROM clock_timestamp())::float8 AS now`.execute(db)
  return Number(rows[0]?.now)
}

/** Licenses of the account that the caller sees; two receipts about the same one follow each other. */
async function lockLicenses(
  db: DatabaseTransaction,
  { caller }: Context,
  { entries }: ReceiptClaims,
): Promise<Map<string, ReceiptLicense>> {
  const ids = entries.map(({ licenseId }) => licenseId)
  const { rows } = await sql<Omit<ReceiptLicense, 'releasedAtMs'> & { releasedAt: string | null }>`
    SELECT l.license_id AS "licenseId", l.app_id AS "appId", l.device_id AS "deviceId", l.order_id AS "orderId", l.state,
      coalesce((SELECT max(e.at) FROM receipt_entry e WHERE e.license_id = l.license_id AND e.result = 'REMOVED'), l.released_at) AS "releasedAt",
      EXISTS (SELECT 1 FROM installation i WHERE i.license_id = l.license_id AND i.presence IS NOT NULL) AS "isManaged",
      (SELECT d.project_ids FROM device d WHERE d.account_id = l.account_id AND d.device_id = l.device_id) AS "projectIds"
    FROM license l WHERE l.account_id = ${caller.accountId} AND l.license_id = ANY(${ids}::uuid[])
      AND NOT EXISTS (SELECT 1 FROM device d WHERE d.account_id = l.account_id AND d.device_id = l.device_id
        AND NOT ${seesProjects(caller, sql.ref('d.project_ids'))})
    ORDER BY l.license_id FOR UPDATE OF l`.execute(db)
  return new Map(
    rows.map(({ releasedAt, ...row }) => [
      row.licenseId,
      { ...row, releasedAtMs: releasedAt === null ? null : Date.parse(releasedAt) },
    ]),
  )
}

async function readNonces(
  db: DatabaseTransaction,
  accountId: string,
  { entries }: ReceiptClaims,
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ nonce: string }>`SELECT nonce FROM receipt_entry
    WHERE account_id = ${accountId} AND nonce = ANY(${entries.map(({ nonce }) => nonce)}::text[])`.execute(db)
  return new Set(rows.map((row) => row.nonce))
}

function invalid(reason: string, detail: string): ProblemError {
  return new ProblemError('receipt-invalid', detail, { errors: [{ pointer: '/receipt', code: reason, detail }] })
}
