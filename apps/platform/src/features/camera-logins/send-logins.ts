import type { CameraLoginBatch, CameraLogins, DownMessage } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { isFreshStamp } from '../../platform/database/fresh-stamp.ts'

/** So many are with a gateway at a time, so that neither a message nor what it holds in memory grows long. */
const window = 32

type Login = CameraLogins['logins'][number]

interface Due {
  loginId: string
  gatewayId: string
  session: number
  kind: CameraLoginBatch['kind']
  address: string | null
  deviceId: string | null
  name: string | null
  siteId: string | null
  sealed: string
}

/**
 * Sends logins until the gateway has said what came of them: at once, at each new session, and after 10 s ever more rarely, up
 * to 5 minutes. One statement claims, counts and stamps, so that of several processes one sends each. New passwords in doubt are asked
 * after at each new session and every 5 minutes, beside the others: a camera that stays away must not hold those up.
 */
export async function sendLogins(
  db: Database,
  publish: (gatewayId: string, message: DownMessage) => void,
): Promise<void> {
  const { rows } = await sql<Due>`
    WITH waiting AS MATERIALIZED (SELECT DISTINCT gateway_id FROM camera_login WHERE state IN ('PENDING', 'SENT')),
    open AS (
      SELECT w.login_id, g.session FROM waiting JOIN gateway g ON g.gateway_id = waiting.gateway_id CROSS JOIN LATERAL (
        SELECT l.login_id, l.state, l.sent_at, l.sent_session, l.send_count FROM camera_login l
        WHERE l.gateway_id = g.gateway_id AND l.state IN ('PENDING', 'SENT')
        ORDER BY l.created_at, l.position LIMIT ${window} FOR UPDATE SKIP LOCKED) w
      WHERE g.connected AND g.revoked_at IS NULL AND (w.state = 'PENDING' OR w.sent_session <> g.session
        OR NOT ${isFreshStamp(sql.ref('w.sent_at'), sql`make_interval(secs => least(300, 10 * 2 ^ least(greatest(w.send_count - 1, 0), 10)))`)})),
    doubted AS MATERIALIZED (SELECT DISTINCT gateway_id FROM camera_login WHERE state = 'UNKNOWN'),
    in_doubt AS (
      SELECT w.login_id, g.session FROM doubted JOIN gateway g ON g.gateway_id = doubted.gateway_id CROSS JOIN LATERAL (
        SELECT l.login_id FROM camera_login l
        WHERE l.gateway_id = g.gateway_id AND l.state = 'UNKNOWN'
          AND (l.sent_session IS DISTINCT FROM g.session OR NOT ${isFreshStamp(sql.ref('l.sent_at'), sql`interval '5 minutes'`)})
        ORDER BY l.created_at, l.position LIMIT ${window} FOR UPDATE SKIP LOCKED) w
      WHERE g.connected AND g.revoked_at IS NULL),
    due AS (SELECT login_id, session FROM open UNION ALL SELECT login_id, session FROM in_doubt)
    UPDATE camera_login l SET state = CASE l.state WHEN 'UNKNOWN' THEN 'UNKNOWN' ELSE 'SENT' END, sent_at = now(), sent_session = due.session, updated_at = now(),
      send_count = CASE WHEN l.sent_session = due.session THEN l.send_count + 1 ELSE 1 END
    FROM due WHERE l.login_id = due.login_id AND l.login_id = ANY(ARRAY(SELECT login_id FROM due))
    RETURNING l.login_id AS "loginId", l.gateway_id AS "gatewayId", due.session, l.kind, l.address, l.device_id AS "deviceId",
      l.name, l.site_id AS "siteId", l.sealed`.execute(db)
  for (const [gatewayId, own] of Map.groupBy(rows, (row) => row.gatewayId)) {
    const [first] = own
    if (first) publish(gatewayId, { kind: 'camera-logins', session: first.session, logins: own.map(toLogin) })
  }
}

function toLogin({ loginId, sealed, kind, address, deviceId, name, siteId }: Due): Login {
  if (kind === 'CLAIM') return { loginId, sealed, for: { kind: 'claim', address: address ?? '', name, siteId } }
  const purpose = kind === 'PASSWORD' ? 'password' : 'credentials'
  return { loginId, sealed, for: { kind: purpose, deviceId: deviceId ?? '' } }
}
