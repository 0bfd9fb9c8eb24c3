import { createHash } from 'node:crypto'
import type { KeyFile } from '@ocelli/app-package'
import type { VendorLicenseUpload } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents, type NewEvent } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { appVisibleTo } from '../apps/app-store.ts'
import { appKnowsVendorKeys } from '../apps/asks-for-vendor-key.ts'
import { applyRenewal } from '../installations/expiry-rules.ts'
import { lockLicensed, writeLicensed } from '../installations/licensed-installations.ts'
import { deviceIdOf, judgeKeys, type KeySurroundings, type KnownKey, type Verdict } from './judge-keys.ts'

/**
 * Stores license keys of a camera's vendor as licenses of the ledger. They take no unit, and stay when the app is removed: a key is
 * good on its camera whatever runs there. A newer key takes the place of the one before under the same id, and devices that
 * run the app on it are sent it.
 */
export async function storeVendorLicenses(
  context: Context,
  { appId, files, wake }: { appId: string; files: readonly KeyFile[]; wake: () => void },
): Promise<VendorLicenseUpload> {
  return await inTransaction(context.db, async (db) => {
    const inside = { ...context, db }
    const applicationIds = await requireApp(inside, appId)
    const { accountId } = context.caller
    // two uploads for one app would both find no license of a device and both make one
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`vendor-licenses/${accountId}/${appId}`}, 0))`.execute(db)
    const deviceIds = [...new Set(files.flatMap((file) => deviceIdOf(file) ?? []))]
    const devices = await lockDevices(inside, deviceIds)
    const seen = [...devices.keys()]
    const installations = await lockLicensed(
      db,
      sql`l.account_id = ${accountId} AND l.app_id = ${appId} AND l.device_id = ANY(${seen}::text[]) AND l.issuer = 'VENDOR'`,
    )
    const { known, ranAtExpiry, today } = await lockKnown(db, { accountId, appId, deviceIds: seen })
    const around: KeySurroundings = { deviceIds: new Set(seen), known, applicationIds, today }
    const verdicts = judgeKeys(files, around)
    const stored = await insertKeys(inside, appId, verdicts)
    await replaceKeys(db, verdicts)
    await emitEvents(db, context.origin, eventsOf(verdicts, { accountId, appId, stored, devices }))
    const renewed = new Set(verdicts.flatMap((one) => (one.kind === 'renew' ? [one.license.licenseId] : [])))
    const decided = installations
      .filter(({ licenseId }) => renewed.has(licenseId ?? ''))
      .map((before) => ({
        before,
        outcome: applyRenewal(before, { restart: ranAtExpiry.has(before.licenseId ?? '') }),
      }))
    const wishes = await writeLicensed(db, decided, { origin: context.origin, reason: 'license-renewed' })
    if (wishes > 0) context.afterCommit(wake)
    return { files: verdicts.map((verdict) => toAnswer(verdict, stored)) }
  })
}

/** The vendor's numbers of the app. Throws `not-found`, or `state-conflict` for an app that runs on licenses of ours or on none. */
async function requireApp({ db, caller }: Context, appId: string): Promise<Set<string>> {
  const { rows } = await sql<{ asks: boolean; numbers: string[] }>`
    SELECT ${appKnowsVendorKeys(appId)} AS asks, ARRAY(SELECT DISTINCT p.eap->>'axisAppId' FROM app_package p
      WHERE p.app_id = a.app_id AND p.eap->>'axisAppId' IS NOT NULL) AS numbers
    FROM app a WHERE a.app_id = ${appId} AND ${appVisibleTo(caller)}`.execute(db)
  const [app] = rows
  if (!app) throw notFound(`The app ${appId}`)
  if (!app.asks) {
    throw new ProblemError(
      'state-conflict',
      `No camera asks for a license key of its vendor for ${appId}: its packages are not protected that way.`,
    )
  }
  return new Set(app.numbers)
}

/** Projects of the devices that the caller sees, by id; held until commit, so that none changes hands while its key is stored. */
async function lockDevices({ db, caller }: Context, deviceIds: string[]): Promise<Map<string, string[]>> {
  const { rows } = await sql<{
    device_id: string
    project_ids: string[]
  }>`SELECT d.device_id, d.project_ids FROM device d
    WHERE d.account_id = ${caller.accountId} AND d.device_id = ANY(${deviceIds}::text[])
      AND ${seesProjects(caller, sql.ref('d.project_ids'))}
    ORDER BY d.device_id FOR UPDATE`.execute(db)
  return new Map(rows.map((row) => [row.device_id, row.project_ids]))
}

async function lockKnown(
  db: DatabaseTransaction,
  { accountId, appId, deviceIds }: { accountId: string; appId: string; deviceIds: string[] },
): Promise<{ known: Map<string, KnownKey>; ranAtExpiry: Set<string>; today: string }> {
  const { rows: clock } = await sql<{ today: string }>`
    SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS today`.execute(db)
  const { rows } = await sql<KnownKey & { ranAtExpiry: boolean }>`
    SELECT l.license_id AS "licenseId", l.device_id AS "deviceId", l.token AS content, l.ran_at_expiry AS "ranAtExpiry",
      CASE WHEN l.valid_until <= now() THEN 'EXPIRED' ELSE l.state END AS state
    FROM license l WHERE l.account_id = ${accountId} AND l.app_id = ${appId} AND l.device_id = ANY(${deviceIds}::text[])
      AND l.issuer = 'VENDOR' AND l.state IN ('VALID', 'EXPIRED')
    ORDER BY l.state = 'VALID', l.created_at, l.license_id FOR UPDATE OF l`.execute(db)
  return {
    // the last one counts: the held one, else the newest
    known: new Map(rows.map((row) => [row.deviceId, row])),
    ranAtExpiry: new Set(rows.flatMap((row) => (row.ranAtExpiry ? [row.licenseId] : []))),
    today: clock[0]?.today ?? '',
  }
}

type Stored = ReadonlyMap<string, string>

/** Gives the new licenses' ids by device. A key with an end is a SUBSCRIPTION, one without is FULL. */
async function insertKeys({ db, caller }: Context, appId: string, verdicts: Verdict[]): Promise<Stored> {
  const keys = verdicts.flatMap((one) => (one.kind === 'store' ? [{ ...one.key, deviceId: one.deviceId }] : []))
  const { rows } = await sql<{ license_id: string; device_id: string }>`
    INSERT INTO license (account_id, app_id, device_id, license_type, issuer, state, token, issued_at, valid_from, valid_until)
    SELECT ${caller.accountId}::uuid, ${appId}, k."deviceId", CASE WHEN k.expires IS NULL THEN 'FULL' ELSE 'SUBSCRIPTION' END,
      'VENDOR', 'VALID', k.content, now(), now(), ${endOf}
    FROM jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) AS k("deviceId" text, content text, expires text)
    ORDER BY k."deviceId" COLLATE "C" RETURNING license_id, device_id`.execute(db)
  return new Map(rows.map((row) => [row.device_id, row.license_id]))
}

async function replaceKeys(db: DatabaseTransaction, verdicts: Verdict[]): Promise<void> {
  const keys = verdicts.flatMap((one) =>
    one.kind === 'renew' ? [{ licenseId: one.license.licenseId, ...one.key }] : [],
  )
  await sql`UPDATE license l SET state = 'VALID', token = k.content, valid_until = ${endOf}, warned_days = NULL,
      license_type = CASE WHEN k.expires IS NULL THEN 'FULL' ELSE 'SUBSCRIPTION' END,
      renewal = l.renewal + 1, renewed_at = now(), expired_at = NULL, ran_at_expiry = false
    FROM jsonb_to_recordset(${JSON.stringify(keys)}::jsonb) AS k("licenseId" uuid, content text, expires text)
    -- named twice, and why: see issueLicenses
    WHERE l.license_id = k."licenseId" AND l.license_id = ANY(${keys.map(({ licenseId }) => licenseId)}::uuid[])`.execute(
    db,
  )
}

/** The end of the last good day; the vendor's keys name a day, and no place on earth. */
const endOf = sql`(k.expires || 'T23:59:59Z')::timestamptz`

function eventsOf(
  verdicts: Verdict[],
  {
    accountId,
    appId,
    stored,
    devices,
  }: { accountId: string; appId: string; stored: Stored; devices: ReadonlyMap<string, string[]> },
): NewEvent[] {
  return verdicts.flatMap((verdict): NewEvent[] => {
    if (verdict.kind === 'refused') return []
    const { deviceId, fileName, key } = verdict
    const sha256 = createHash('sha256').update(key.content).digest('hex')
    const about = { accountId, appId, deviceId, projectIds: devices.get(deviceId) ?? null }
    const data = { issuer: 'VENDOR', fileName, sha256, validUntil: key.expires && `${key.expires}T23:59:59Z` }
    const renewed = verdict.kind === 'renew' ? verdict.license : null
    return renewed
      ? [
          {
            ...about,
            type: 'license.renewed',
            licenseId: renewed.licenseId,
            data: { ...data, fromState: renewed.state },
          },
        ]
      : [{ ...about, type: 'license.issued', licenseId: stored.get(deviceId) ?? null, data }]
  })
}

function toAnswer(verdict: Verdict, stored: Stored): VendorLicenseUpload['files'][number] {
  const { fileName, deviceId, detail } = verdict
  switch (verdict.kind) {
    case 'refused':
      return { fileName, deviceId, detail, result: verdict.result, licenseId: verdict.licenseId }
    case 'store':
      return { fileName, deviceId, detail, result: 'STORED', licenseId: stored.get(verdict.deviceId) ?? null }
    case 'renew':
      return { fileName, deviceId, detail, result: 'RENEWED', licenseId: verdict.license.licenseId }
  }
}
