import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { byPlatform } from '../../platform/events/emit.ts'
import { bestPackageFirst, packageFitsDevice } from '../apps/fitting-package.ts'
import {
  type ChangedInstallation,
  type LockedInstallation,
  lockedColumns,
  type SettledPair,
  settledOf,
  withLicenseStates,
  writeOutcomes,
} from './installation-batch.ts'
import { applyDeadline } from './report-rules.ts'

const batchSize = 500

/**
 * Ends what passed its deadline by the database's clock: nothing stays INSTALLING for ever. Rows that another process
 * holds are skipped. Gives the number ended; the caller repeats while it is the batch size.
 */
export async function sweepDeadlines(
  db: Database,
  nowMs: () => number,
  /** Called after COMMIT. */
  onSettled: (pairs: SettledPair[]) => void = () => {},
): Promise<number> {
  const settled = await inTransaction(db, async (transaction) => {
    const { rows: locked } = await sql<LockedInstallation & { connectivity: string; observedPackageId: string | null }>`
      SELECT ${lockedColumns}, d.connectivity,
        (SELECT p.package_id FROM app_package p WHERE p.app_id = i.app_id AND p.version_code = i.installed_version_code
          ORDER BY ${packageFitsDevice} DESC, ${bestPackageFirst} LIMIT 1) AS "observedPackageId"
      FROM installation i JOIN device d ON d.account_id = i.account_id AND d.device_id = i.device_id
      WHERE NOT i.settled AND i.deadline_at < now()
      ORDER BY i.deadline_at LIMIT ${batchSize} FOR UPDATE OF d, i SKIP LOCKED`.execute(transaction)
    const rows = await withLicenseStates(transaction, locked)
    const changes: ChangedInstallation[] = rows.map((before) => {
      const isAway = before.queued || before.connectivity !== 'ONLINE'
      const error = {
        category: isAway ? ('device-unreachable' as const) : ('timeout' as const),
        code: before.queued ? 'queue-expired' : 'no-outcome-in-time',
        detail: before.queued
          ? 'The device did not come back before the queued wish ran out. Send it again when the device is online.'
          : isAway
            ? 'The device or its gateway went away before this was done. It is finished or cleaned up when they return.'
            : 'The gateway did not report an outcome in time. Look at the gateway, then try again.',
        deviceCode: null,
        retryable: true,
        at: new Date(nowMs()).toISOString(),
      }
      const { targetVersion, targetVersionCode, observedPackageId, licenseState, wasGivenBack } = before
      const around = {
        ...{ targetVersion, targetVersionCode, observedPackageId, licenseState, wasGivenBack },
        repair: 'request' as const,
      }
      return { before, outcome: applyDeadline(before, { error, around }), isObserved: false }
    })
    await writeOutcomes(transaction, changes, byPlatform)
    return settledOf(changes)
  })
  onSettled(settled)
  return settled.length
}
