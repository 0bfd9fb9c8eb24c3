import { type RawBuilder, sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { type EventOrigin, emitEvents } from '../../platform/events/emit.ts'
import type { LicensedInstallation } from './expiry-rules.ts'
import { lockedColumns, writeOutcomes } from './installation-batch.ts'
import type { Outcome } from './report-rules.ts'

const chunk = 500

/**
 * Locks the installations that stand on licenses `l` for which the condition holds, device before installation, in the
 * order in which reports lock them. Licenses come after this, counters last (rules.md section 7).
 */
export async function lockLicensed(
  db: DatabaseTransaction,
  condition: RawBuilder<unknown>,
): Promise<LicensedInstallation[]> {
  const { rows } = await sql<LicensedInstallation>`
    SELECT ${lockedColumns}, d.connectivity,
      (SELECT o.license_id FROM license o WHERE o.account_id = i.account_id AND o.device_id = i.device_id AND o.app_id = i.app_id
         AND o.license_id <> l.license_id AND o.issuer = l.issuer AND o.state IN ('RESERVED', 'VALID') AND (o.valid_until IS NULL OR o.valid_until > now())
       ORDER BY o.license_type = 'FULL' DESC, o.license_id LIMIT 1) AS "otherLicenseId"
    FROM license l JOIN installation i ON i.license_id = l.license_id
    JOIN device d ON d.account_id = i.account_id AND d.device_id = i.device_id
    WHERE ${condition} ORDER BY i.account_id, i.device_id, i.app_id FOR UPDATE OF d, i`.execute(db)
  return rows
}

/** Writes what the rules decided, and tells each new wish with its reason. Gives the number of devices' wishes changed. */
export async function writeLicensed(
  db: DatabaseTransaction,
  decided: { before: LicensedInstallation; outcome: Outcome | null }[],
  { origin, reason }: { origin: EventOrigin; reason: string },
): Promise<number> {
  const changes = decided.flatMap(({ before, outcome }) =>
    outcome ? [{ before, outcome, isObserved: false as const }] : [],
  )
  for (let from = 0; from < changes.length; from += chunk) {
    await writeOutcomes(db, changes.slice(from, from + chunk), origin)
  }
  const wishes = changes.filter(({ outcome }) => outcome.newRevision || outcome.row.presence !== 'PRESENT')
  await emitEvents(
    db,
    origin,
    wishes
      .filter(({ outcome }) => outcome.row.presence === 'PRESENT')
      .map(({ before, outcome: { row } }) => ({
        type: 'installation.requested',
        accountId: before.accountId,
        deviceId: before.deviceId,
        appId: before.appId,
        licenseId: row.licenseId,
        projectIds: before.projectIds,
        data: {
          ...{ presence: row.presence, packageId: row.packageId, desiredRunningState: row.desiredRunningState },
          ...{ queued: row.queued, reason },
        },
      })),
  )
  return wishes.length
}
