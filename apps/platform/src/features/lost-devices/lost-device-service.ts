import type { LostDevice, LostDeviceReleased } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents, type NewEvent } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { raiseRevision } from '../devices/raise-revision.ts'
import { forgetUnlicensed } from '../licenses/unclaimed-devices.ts'

/**
 * Declares that a camera is gone, or lost its apps: its units return though no camera confirmed it. By permission, with
 * a reason, audited. An app of it that is seen again later raises `license-conflict`.
 */
export async function declareLost(
  context: Context,
  deviceId: string,
  { reason, state }: LostDevice,
): Promise<LostDeviceReleased> {
  const { caller, origin } = context
  const { accountId } = caller
  return await inTransaction(context.db, async (db) => {
    const device = await lockDevice(db, context, deviceId)
    await endWishes(db, { accountId, deviceId })
    const { rows } = await sql<{ license_id: string; app_id: string; order_id: string | null }>`
      UPDATE license SET state = 'RELEASED', released_at = now(), release_reason = ${`${state}: ${reason}`}
      WHERE account_id = ${accountId} AND device_id = ${deviceId} AND state IN ('RESERVED', 'VALID')
        -- a camera that was reset is the same one, and its vendor's key is good on it again
        AND (issuer = 'PLATFORM' OR ${state} = 'LOST')
      RETURNING license_id, app_id, order_id`.execute(db)
    await forgetUnlicensed(db, { accountId, deviceIds: [deviceId] })
    const about = { accountId, deviceId, projectIds: device.projectIds }
    const licenses = rows.map(
      (row): NewEvent => ({
        ...{ ...about, type: 'license.released', licenseId: row.license_id, appId: row.app_id, orderId: row.order_id },
        data: { reason, declared: true, state },
      }),
    )
    await emitEvents(db, origin, [
      ...licenses,
      { ...about, type: 'device.declared-lost', data: { state, reason, licenses: licenses.length } },
    ])
    return { deviceId, state, licenseIds: rows.map((row) => row.license_id) }
  })
}

async function lockDevice(
  db: DatabaseTransaction,
  { caller }: Context,
  deviceId: string,
): Promise<{ projectIds: string[] }> {
  const { rows } = await sql<{ connectivity: string; projectIds: string[] }>`
    SELECT d.connectivity, d.project_ids AS "projectIds" FROM device d
    WHERE d.account_id = ${caller.accountId} AND d.device_id = ${deviceId}
      AND ${seesProjects(caller, sql.ref('d.project_ids'))} FOR UPDATE OF d`.execute(db)
  const [device] = rows
  if (!device) throw notFound(`The device ${deviceId}`)
  if (device.connectivity === 'ONLINE') {
    throw new ProblemError(
      'state-conflict',
      'The camera answers right now. Uninstall its apps instead: the camera confirms it, and the units return.',
    )
  }
  return device
}

/** Nothing is wished for any more. `managed` without `present` is what a later sighting is told as a conflict by. */
async function endWishes(
  db: DatabaseTransaction,
  { accountId, deviceId }: { accountId: string; deviceId: string },
): Promise<void> {
  const { rows } = await sql`
    UPDATE installation SET presence = NULL, package_id = NULL, desired_running_state = NULL, settled = true, queued = false,
      deadline_at = NULL, license_id = NULL, installation_state = 'NOT_INSTALLED', managed = true, present = false, progress = NULL,
      error = NULL, drift = NULL, installed_version = NULL, installed_version_code = NULL, running_state = 'UNKNOWN',
      updatable = false, updated_at = now()
    WHERE account_id = ${accountId} AND device_id = ${deviceId} AND (managed OR license_id IS NOT NULL OR EXISTS (
      SELECT 1 FROM license l WHERE l.account_id = installation.account_id AND l.device_id = installation.device_id
        AND l.app_id = installation.app_id AND l.state IN ('RESERVED', 'VALID'))) RETURNING 1`.execute(db)
  if (rows.length === 0) return
  await sql`UPDATE device SET apps_update_possible = false, updated_at = now()
    WHERE account_id = ${accountId} AND device_id = ${deviceId}`.execute(db)
  await raiseRevision(db, { accountId, deviceId })
}
