import type { CameraLoginBatch, CameraLoginError, CameraResults, EventType } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents, type NewEvent } from '../../platform/events/emit.ts'

/** A login whose work is done, or a new password that is in doubt. */
export interface EndedLogin {
  accountId: string
  gatewayId: string
  batchId: string
  kind: CameraLoginBatch['kind']
  state: 'CLAIMED' | 'CHANGED' | 'FAILED' | 'UNKNOWN'
  address: string | null
  deviceId: string | null
  error: CameraLoginError | null
  name: string | null
  customer: string | null
  tags: string[] | null
  projectIds: string[] | null
}

/**
 * Notes what came of logins, once: a result that is doubled, late or another gateway's changes nothing. The sealed text goes; the
 * copy for the account's recovery key stays with the device, and what was said of the camera is written to it. A new password in doubt
 * keeps its texts, and so does one whose device has gone to another gateway: the former one has forgotten what it sent. Another login that was proved on the camera settles one that is in doubt.
 */
export async function takeResults(
  db: Database,
  { gatewayId, accountId }: { gatewayId: string; accountId: string },
  results: CameraResults['results'],
): Promise<void> {
  const said = [...new Map(results.map((result) => [result.loginId, result])).values()]
  const origin = { actor: { kind: 'gateway' as const, id: gatewayId }, requestId: null }
  await inTransaction(db, async (transaction) => {
    const { rows } = await sql<EndedLogin>`
      WITH said AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(${JSON.stringify(said)}::jsonb) AS s("loginId" uuid, "deviceId" text, error jsonb, "isUnknown" boolean)),
      open AS MATERIALIZED (
        SELECT l.* FROM camera_login l
        WHERE l.login_id = ANY(${said.map(({ loginId }) => loginId)}::uuid[]) AND l.gateway_id = ${gatewayId}
          AND l.account_id = ${accountId} AND l.state IN ('PENDING', 'SENT', 'UNKNOWN')
        ORDER BY l.login_id FOR UPDATE),
      ended AS (
        UPDATE camera_login l SET error = s.error, device_id = coalesce(l.device_id, s."deviceId" COLLATE "C"),
          state = CASE WHEN s.error IS NULL AND l.kind = 'CLAIM' THEN 'CLAIMED' WHEN s.error IS NULL THEN 'CHANGED'
            WHEN s.is_in_doubt THEN 'UNKNOWN' ELSE 'FAILED' END,
          sealed = CASE WHEN s.is_in_doubt THEN l.sealed END,
          sealed_for_recovery = CASE WHEN s.is_in_doubt THEN l.sealed_for_recovery END, updated_at = now()
        FROM open JOIN LATERAL (
          SELECT said.*, open.kind = 'PASSWORD' AND said.error IS NOT NULL AND (coalesce(said."isUnknown", false)
            OR NOT EXISTS (SELECT 1 FROM device d WHERE d.account_id = ${accountId} AND d.device_id = open.device_id
              AND d.gateway_id = ${gatewayId} AND d.state = 'CLAIMED')) AS is_in_doubt
          FROM said WHERE said."loginId" = open.login_id) s ON true
        WHERE l.login_id = open.login_id
        RETURNING l.login_id, l.state, l.device_id, l.error),
      device_now AS MATERIALIZED (
        SELECT DISTINCT ON (d.device_id) d.device_id, d.project_ids, o.name, o.customer, o.tags, o.sealed_for_recovery,
          coalesce(o.address, o.device_id) AS place
        FROM ended e JOIN open o ON o.login_id = e.login_id
        JOIN device d ON d.account_id = ${accountId} AND d.device_id = e.device_id
        WHERE e.error IS NULL AND d.state = 'CLAIMED' AND d.gateway_id = ${gatewayId}
        ORDER BY d.device_id, o.created_at DESC, o.position DESC),
      kept AS (
        INSERT INTO camera_recovery (account_id, device_id, place, sealed)
        SELECT ${accountId}, n.device_id, n.place, n.sealed_for_recovery FROM device_now n
        WHERE n.sealed_for_recovery IS NOT NULL
        ON CONFLICT (account_id, device_id) DO UPDATE
          SET place = excluded.place, sealed = excluded.sealed, updated_at = now()),
      outdated AS (
        DELETE FROM camera_recovery r USING device_now n
        WHERE n.sealed_for_recovery IS NULL AND r.account_id = ${accountId} AND r.device_id = n.device_id),
      labelled AS (
        UPDATE device d SET name = coalesce(n.name, d.name), customer = coalesce(n.customer, d.customer),
          tags = coalesce(n.tags, d.tags), updated_at = now()
        FROM device_now n
        WHERE d.account_id = ${accountId} AND d.device_id = n.device_id
          AND (n.name IS NOT NULL OR n.customer IS NOT NULL OR n.tags IS NOT NULL)),
      overtaken AS (
        UPDATE camera_login l SET state = 'FAILED', sealed = NULL, sealed_for_recovery = NULL, updated_at = now(),
          error = jsonb_build_object('category', 'internal', 'code', 'overtaken',
            'detail', 'Another login was proved on the camera before anybody knew whether this password counts.')
        FROM device_now n
        WHERE l.account_id = ${accountId} AND l.device_id = n.device_id AND l.state = 'UNKNOWN'
          AND l.login_id NOT IN (SELECT ended.login_id FROM ended)
        RETURNING l.account_id, l.gateway_id, l.batch_id, l.kind, l.state, l.address, l.device_id, l.error, n.project_ids)
      SELECT o.account_id AS "accountId", o.gateway_id AS "gatewayId", o.batch_id AS "batchId", o.kind, e.state, o.address,
        e.device_id AS "deviceId", e.error, o.name, o.customer, o.tags, n.project_ids AS "projectIds"
      FROM ended e JOIN open o ON o.login_id = e.login_id LEFT JOIN device_now n ON n.device_id = e.device_id
      WHERE e.state <> 'UNKNOWN' OR o.state <> 'UNKNOWN'
      UNION ALL
      SELECT t.account_id, t.gateway_id, t.batch_id, t.kind, t.state, t.address, t.device_id, t.error, NULL, NULL, NULL,
        t.project_ids
      FROM overtaken t`.execute(transaction)
    await emitEvents(transaction, origin, rows.flatMap(eventsOf))
  })
}

/** The claim itself is told by `device.claimed`. */
export function eventsOf(login: EndedLogin): NewEvent[] {
  const { accountId, deviceId, projectIds, gatewayId, batchId, kind, state, address, error } = login
  const about = { accountId, deviceId, projectIds }
  const ended = { gatewayId, batchId }
  if (state === 'UNKNOWN') return [{ ...about, type: 'device.password-unknown', data: { ...ended, error } }]
  if (state === 'FAILED') return [{ ...about, type: failureTypes[kind], data: { ...ended, address, error } }]
  if (state === 'CHANGED') {
    const type = kind === 'PASSWORD' ? 'device.password-changed' : 'device.credentials-changed'
    return [{ ...about, type, data: ended }]
  }
  const labels = Object.entries({ name: login.name, customer: login.customer, tags: login.tags })
  const given = Object.fromEntries(labels.filter(([, value]) => value !== null))
  return Object.keys(given).length > 0 ? [{ ...about, type: 'device.changed', data: given }] : []
}

const failureTypes: Record<EndedLogin['kind'], EventType> = {
  CLAIM: 'device.claim-failed',
  CREDENTIALS: 'device.credentials-failed',
  PASSWORD: 'device.password-failed',
}
