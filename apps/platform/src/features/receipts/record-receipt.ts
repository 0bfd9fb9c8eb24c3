import type { ReceiptClaims } from '@ocelli/license'
import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { emitEvents, type NewEvent } from '../../platform/events/emit.ts'
import type { Context } from '../../platform/http/route.ts'
import { forgetUnlicensed } from '../licenses/unclaimed-devices.ts'
import type { DecidedEntry, ReceiptLicense } from './receipt-rules.ts'

interface Decided {
  claims: ReceiptClaims
  keyId: string
  statement: string
  decided: DecidedEntry[]
  licenses: ReadonlyMap<string, ReceiptLicense>
  /** Seconds since 1970 by the database's clock. */
  reportedAt: number
}

/** Writes down what counts, gives units back, and tells it: all in the caller's transaction. */
export async function recordReceipt(db: DatabaseTransaction, context: Context, receipt: Decided): Promise<void> {
  const { claims, decided } = receipt
  const recorded = decided.filter(({ isRecorded }) => isRecorded)
  if (recorded.length === 0) return
  const { accountId } = context.caller
  await writeEntries(db, context, { ...receipt, decided: recorded })
  const released = recorded.flatMap(({ releases, entry }) => (releases ? [entry.licenseId] : []))
  // not the installations of a gateway: those are refused while it holds the app
  await sql`UPDATE installation SET license_id = NULL WHERE account_id = ${accountId}
    AND license_id = ANY(${released}::uuid[])`.execute(db)
  await sql`UPDATE license SET state = 'RELEASED', released_at = now(), release_reason = ${`receipt ${claims.jti}`}
    WHERE account_id = ${accountId} AND license_id = ANY(${released}::uuid[]) AND state = 'VALID'`.execute(db)
  await showInstalled(db, accountId, recorded)
  await forgetUnlicensed(db, {
    accountId,
    deviceIds: recorded.flatMap(({ releases, entry }) => (releases ? [entry.deviceId] : [])),
  })
  await emitEvents(db, context.origin, eventsOf(accountId, receipt, recorded))
}

async function writeEntries(
  db: DatabaseTransaction,
  { caller }: Context,
  { claims, keyId, statement, decided, reportedAt }: Decided,
): Promise<void> {
  await sql`INSERT INTO receipt (receipt_id, account_id, key_id, bundle_id, signed_at, reported_by, statement)
    VALUES (${claims.jti}, ${caller.accountId}, ${keyId}, ${claims.bundle}, to_timestamp(${claims.iat}), ${caller.id}, ${statement})
    ON CONFLICT DO NOTHING`.execute(db)
  const rows = decided.map(({ entry }) => entry)
  await sql`INSERT INTO receipt_entry (account_id, nonce, receipt_id, license_id, device_id, app_id, result, version, detail, at, counted_at)
    SELECT ${caller.accountId}::uuid, nonce, ${claims.jti}::uuid, "licenseId", "deviceId", "appId", result, version, detail, to_timestamp(at), to_timestamp(${reportedAt}::float8)
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS e(nonce text, "licenseId" uuid, "deviceId" text, "appId" text,
      result text, version text, detail text, at double precision)`.execute(db)
}

/** What is on a device that was never claimed is known from receipts alone; a gateway's own look replaces it. */
async function showInstalled(db: DatabaseTransaction, accountId: string, recorded: DecidedEntry[]): Promise<void> {
  const last = new Map<string, DecidedEntry>()
  for (const decided of recorded.toSorted((a, b) => a.entry.at - b.entry.at)) {
    const { deviceId, appId, result } = decided.entry
    if (result !== 'FAILED') last.set(JSON.stringify([deviceId, appId]), decided)
  }
  const rows = [...last.values()].map(({ entry: { deviceId, appId, result, version, at } }) => ({
    ...{ deviceId, appId, present: result === 'INSTALLED', version, at },
  }))
  await sql`
    WITH listed AS MATERIALIZED (
      SELECT account_id, device_id FROM device WHERE account_id = ${accountId} AND state = 'UNCLAIMED'
        AND device_id = ANY(${rows.map(({ deviceId }) => deviceId)}::text[]) ORDER BY device_id FOR KEY SHARE)
    INSERT INTO installation AS i (account_id, device_id, app_id, name, present, installation_state, installed_version,
      installed_version_code, observed_at)
    SELECT d.account_id, d.device_id, e."appId", (SELECT a.name FROM app a WHERE a.app_id = e."appId"), e.present,
      CASE WHEN e.present THEN 'INSTALLED' ELSE 'NOT_INSTALLED' END, CASE WHEN e.present THEN e.version END,
      CASE WHEN e.present THEN (SELECT v.version_code FROM app_version v WHERE v.app_id = e."appId" AND v.version = e.version) END,
      to_timestamp(e.at)
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      AS e("deviceId" text, "appId" text, present boolean, version text, at double precision)
    JOIN listed d ON d.device_id = e."deviceId"
    ON CONFLICT (account_id, device_id, app_id) DO UPDATE SET present = excluded.present,
      installation_state = excluded.installation_state, installed_version = excluded.installed_version,
      installed_version_code = excluded.installed_version_code, observed_at = excluded.observed_at, updated_at = now()
    WHERE i.presence IS NULL AND (i.observed_at IS NULL OR i.observed_at <= excluded.observed_at)`.execute(db)
}

const toTime = (seconds: number): string => new Date(seconds * 1000).toISOString()

function eventsOf(accountId: string, { claims, keyId, licenses }: Decided, recorded: DecidedEntry[]): NewEvent[] {
  const receipt = { receiptId: claims.jti, bundleId: claims.bundle, keyId }
  const entries = recorded.flatMap(({ entry, releases, code }): NewEvent[] => {
    const { licenseId, deviceId, appId, result, version, detail, nonce } = entry
    const { orderId = null, projectIds = null } = licenses.get(licenseId) ?? {}
    const about = { accountId, licenseId, deviceId, appId, projectIds }
    const at = toTime(entry.at)
    const stated = entry.statedAt > entry.at ? { statedAt: toTime(entry.statedAt) } : {}
    return [
      { ...about, type: 'installation.reported', data: { ...receipt, result, version, detail, at, ...stated, nonce } },
      ...(releases
        ? [
            {
              ...about,
              orderId,
              type: 'license.released' as const,
              data: { reason: 'removal-receipt', ...receipt, nonce },
            },
          ]
        : []),
      ...(code === 'license-conflict'
        ? [{ ...about, type: 'license.conflict' as const, data: { ...receipt, nonce } }]
        : []),
    ]
  })
  return [{ type: 'receipt.received', accountId, data: { ...receipt, entries: recorded.length } }, ...entries]
}
