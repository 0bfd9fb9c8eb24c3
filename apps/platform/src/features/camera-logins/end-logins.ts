import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { byPlatform, emitEvents } from '../../platform/events/emit.ts'
import { type EndedLogin, eventsOf } from './take-results.ts'

const perRun = 1000
const keptDays = 30

/**
 * Ends what no gateway will carry out any more (it stayed away for a day, or was revoked), forgets batches after 30 days, and
 * copies for the recovery key whose device is no longer claimed. A new password that was sent may have been set before the gateway was
 * lost: it stays in doubt, with its copy, as long as the device is claimed.
 */
export async function endLogins(db: Database): Promise<void> {
  await inTransaction(db, async (transaction) => {
    const { rows } = await sql<EndedLogin>`
      WITH over AS MATERIALIZED (
        SELECT l.login_id, g.revoked_at IS NOT NULL AS is_revoked, l.kind = 'PASSWORD' AND l.state = 'SENT' AS is_in_doubt
        FROM camera_login l
        JOIN gateway g ON g.gateway_id = l.gateway_id
        WHERE l.state IN ('PENDING', 'SENT') AND (l.expires_at < now() OR g.revoked_at IS NOT NULL)
        LIMIT ${perRun} FOR UPDATE OF l SKIP LOCKED)
      UPDATE camera_login l SET state = CASE WHEN over.is_in_doubt THEN 'UNKNOWN' ELSE 'FAILED' END,
        sealed = CASE WHEN over.is_in_doubt THEN l.sealed END,
        sealed_for_recovery = CASE WHEN over.is_in_doubt THEN l.sealed_for_recovery END, updated_at = now(),
        error = CASE WHEN over.is_in_doubt
          THEN jsonb_build_object('category', 'network', 'code', 'gateway-away',
            'detail', 'The gateway was lost while it set the password: it may count. The recovery copies hold both: ocelli gateways reseal')
          WHEN over.is_revoked
          THEN jsonb_build_object('category', 'network', 'code', 'gateway-revoked',
            'detail', 'The gateway was revoked before it got to this camera. Send the login to another one.')
          ELSE jsonb_build_object('category', 'network', 'code', 'gateway-away',
            'detail', 'The gateway was not there to do it for a day. Send the login again when it is.') END
      FROM over WHERE l.login_id = over.login_id
      RETURNING l.account_id AS "accountId", l.gateway_id AS "gatewayId", l.batch_id AS "batchId", l.kind, l.state, l.address,
        l.device_id AS "deviceId", l.error, l.name, l.customer, l.tags,
        (SELECT d.project_ids FROM device d WHERE d.account_id = l.account_id AND d.device_id = l.device_id) AS "projectIds"`.execute(
      transaction,
    )
    await emitEvents(transaction, byPlatform, rows.flatMap(eventsOf))
  })
  await inTransaction(db, async (transaction) => {
    const { rows } = await sql<EndedLogin>`
      WITH over AS MATERIALIZED (
        SELECT l.login_id FROM camera_login l WHERE l.state = 'UNKNOWN' AND NOT EXISTS (SELECT 1 FROM device d
          WHERE d.account_id = l.account_id AND d.device_id = l.device_id AND d.state = 'CLAIMED')
        LIMIT ${perRun} FOR UPDATE SKIP LOCKED)
      UPDATE camera_login l SET state = 'FAILED', sealed = NULL, sealed_for_recovery = NULL, updated_at = now(),
        error = jsonb_build_object('category', 'internal', 'code', 'device-unclaimed',
          'detail', 'The camera was given free before anybody knew whether the new password counts.')
      FROM over WHERE l.login_id = over.login_id
      RETURNING l.account_id AS "accountId", l.gateway_id AS "gatewayId", l.batch_id AS "batchId", l.kind, l.state, l.address,
        l.device_id AS "deviceId", l.error, l.name, l.customer, l.tags, NULL::uuid[] AS "projectIds"`.execute(
      transaction,
    )
    await emitEvents(transaction, byPlatform, rows.flatMap(eventsOf))
  })
  await sql`DELETE FROM camera_login WHERE state NOT IN ('PENDING', 'SENT', 'UNKNOWN')
    AND updated_at < now() - make_interval(days => ${keptDays})`.execute(db)
  await sql`DELETE FROM camera_recovery r WHERE NOT EXISTS (SELECT 1 FROM device d
    WHERE d.account_id = r.account_id AND d.device_id = r.device_id AND d.state = 'CLAIMED')`.execute(db)
}
