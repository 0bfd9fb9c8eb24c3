import type { AppDowngrade, Device, DeviceDetail, DevicePatch, FoundCamera } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import { brokenConstraint, type DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { divideSites, type GatewayShare } from '../sites/share-store.ts'
import { explainConnectivity } from './explain-connectivity.ts'
import { raiseRevision } from './raise-revision.ts'

interface DetailRow {
  document: string
  identitySource: string | null
  platformLevel: number | null
  appDowngrade: AppDowngrade | null
  connectivityDetail: string | null
  gatewayConnected: boolean | null
  gatewayLastMessageAt: string | null
  gatewayCertificateExpiresAt: string | null
  cameraCertificateExpiresAt: string | null
  replacement: FoundCamera | null
}

export async function readDevice({ db, caller }: Context, deviceId: string): Promise<DeviceDetail> {
  const { rows } = await sql<DetailRow>`
    SELECT d.document, d.identity_source AS "identitySource", d.platform_level AS "platformLevel", d.app_downgrade AS "appDowngrade",
      d.connectivity_detail AS "connectivityDetail", g.connected AS "gatewayConnected", g.last_message_at AS "gatewayLastMessageAt",
      g.certificate_expires_at AS "gatewayCertificateExpiresAt", d.certificate_expires_at AS "cameraCertificateExpiresAt",
      d.replacement
    FROM device d LEFT JOIN gateway g ON g.gateway_id = d.gateway_id AND g.account_id = d.account_id
    WHERE d.account_id = ${caller.accountId} AND d.device_id = ${deviceId} AND ${seesProjects(caller, sql.ref('d.project_ids'))}`.execute(
    db,
  )
  const row = rows[0]
  if (!row) throw notFound(`The device ${deviceId}`)
  const { document, identitySource, platformLevel, appDowngrade, connectivityDetail, ...facts } = row
  const device = JSON.parse(document) as Device
  const known = {
    ...facts,
    cameraLastAnswerAt: device.lastSeenAt,
    clockOffsetSeconds: device.clockOffsetSeconds,
  }
  return {
    ...device,
    identitySource,
    platformLevel,
    appDowngrade,
    connectivityExplained: { detail: explainConnectivity(device, { ...known, detail: connectivityDetail }), ...known },
  }
}

/** Gives the device as it now is, and what gateways are to be told after COMMIT when it came to another site. */
export async function changeDevice(
  context: Context,
  deviceId: string,
  { patch, nowMs }: { patch: DevicePatch; nowMs: number },
): Promise<{ device: DeviceDetail; shares: GatewayShare[] }> {
  const { caller } = context
  return await inTransaction(context.db, async (db) => {
    const { siteId, ...columns } = patch
    try {
      const { rows } = await sql<{ project_ids: string[] }>`
        UPDATE device d SET ${sql.join(
          [
            ...Object.entries({ ...columns, ...(siteId ? { site_id: siteId } : {}) }).map(
              ([column, value]) => sql`${sql.ref(column)} = ${value}`,
            ),
            sql`updated_at = now()`,
          ],
          sql`, `,
        )}
        WHERE d.account_id = ${caller.accountId} AND d.device_id = ${deviceId} AND ${seesProjects(caller, sql.ref('d.project_ids'))}
        RETURNING d.project_ids`.execute(db)
      if (!rows[0]) throw notFound(`The device ${deviceId}`)
      // a higher revision has the gateway sent the site whose limits hold now
      if (siteId) await raiseRevision(db, { accountId: caller.accountId, deviceId })
      await emitEvents(db, context.origin, [
        {
          type: 'device.changed',
          accountId: caller.accountId,
          deviceId,
          projectIds: rows[0].project_ids,
          data: { ...patch },
        },
      ])
    } catch (error) {
      if (brokenConstraint(error)?.code === '23503') throw notFound(`The site ${siteId}`)
      throw error
    }
    const shares = siteId ? await divideSites(db, { siteIds: sql`SELECT ${siteId}::uuid`, nowMs }) : []
    return { device: await readDevice({ ...context, db }, deviceId), shares }
  })
}

/** Unclaims: the row goes, or stays as UNCLAIMED while licenses are kept. */
export async function unclaimDevice(
  context: Context,
  { deviceId, keepLicenses }: { deviceId: string; keepLicenses: boolean },
): Promise<{ gatewayId: string | null }> {
  const { caller } = context
  const { accountId } = caller
  return await inTransaction(context.db, async (db) => {
    const { rows } = await sql<{ gateway_id: string | null; project_ids: string[] }>`
      SELECT d.gateway_id, d.project_ids FROM device d
      WHERE d.account_id = ${accountId} AND d.device_id = ${deviceId} AND d.state = 'CLAIMED'
        AND ${seesProjects(caller, sql.ref('d.project_ids'))} FOR UPDATE`.execute(db)
    const device = rows[0]
    if (!device) throw notFound(`The claimed device ${deviceId}`)
    const licenses = await countLicenses(db, accountId, deviceId)
    const { held } = licenses
    if (held > 0 && !keepLicenses) throw new ProblemError('licenses-held', licensesHeld(licenses))
    if (held > 0) {
      await sql`DELETE FROM installation WHERE account_id = ${accountId} AND device_id = ${deviceId}`.execute(db)
      await sql`UPDATE device SET state = 'UNCLAIMED', gateway_id = NULL, assignment = assignment + 1, connectivity = 'NOT_CONNECTED',
        connectivity_reason = NULL, connectivity_detail = NULL, replacement = NULL, claimed_at = NULL, apps_update_possible = false, updated_at = now()
        WHERE account_id = ${accountId} AND device_id = ${deviceId}`.execute(db)
    } else {
      await sql`DELETE FROM device WHERE account_id = ${accountId} AND device_id = ${deviceId}`.execute(db)
    }
    await emitEvents(db, context.origin, [
      {
        type: 'device.unclaimed',
        accountId,
        deviceId,
        projectIds: device.project_ids,
        data: { keptLicenses: held },
      },
    ])
    return { gatewayId: device.gateway_id }
  })
}

interface HeldLicenses {
  held: number
  /** Of them those that the camera's vendor has issued. */
  keys: number
}

/** Once the device's row is held: a statement that waits for it would count what was there before the waiting. */
async function countLicenses(db: DatabaseTransaction, accountId: string, deviceId: string): Promise<HeldLicenses> {
  const { rows } = await sql<HeldLicenses>`
    SELECT count(*)::int AS held, count(*) FILTER (WHERE issuer = 'VENDOR')::int AS keys FROM license
    WHERE account_id = ${accountId} AND device_id = ${deviceId} AND state IN ('RESERVED', 'VALID')`.execute(db)
  return rows[0] ?? { held: 0, keys: 0 }
}

/** Removing an app gives a unit back, and a key of the camera's vendor never. */
function licensesHeld({ held, keys }: HeldLicenses): string {
  const keep = 'send ?keepLicenses=true: they then stay with this account.'
  if (keys === 0) return `The device holds ${held} license(s). Uninstall its apps first, or ${keep}`
  const units = held - keys
  const what = units === 0 ? '' : `${units} license(s), which return when its apps are uninstalled, and `
  return `The device holds ${what}${keys} key(s) of its vendor. Release the keys first, or ${keep}`
}
