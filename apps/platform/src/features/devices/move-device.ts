import type { DeviceDetail } from '@ocelli/contract'
import { sql } from 'kysely'
import { seesProjects } from '../../platform/auth/visibility.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { readDevice } from './device-service.ts'
import { raiseRevision } from './raise-revision.ts'

/**
 * Gives a device to another gateway of the account; a higher assignment makes reports of the old one void.
 * `movedFrom` is null when it was there already.
 */
export async function moveDevice(
  context: Context,
  { deviceId, gatewayId }: { deviceId: string; gatewayId: string },
): Promise<{ device: DeviceDetail; movedFrom: string | null }> {
  const { accountId } = context.caller
  return await inTransaction(context.db, async (db) => {
    const device = await db
      .selectFrom('device as d')
      .select(['d.state', 'd.gateway_id', 'd.project_ids'])
      .where('d.account_id', '=', accountId)
      .where('d.device_id', '=', deviceId)
      .where(seesProjects(context.caller, sql.ref('d.project_ids')))
      .forUpdate()
      .executeTakeFirst()
    if (!device) throw notFound(`The device ${deviceId}`)
    const gateway = await db
      .selectFrom('gateway')
      .select(['site_id', 'connected'])
      .where('account_id', '=', accountId)
      .where('gateway_id', '=', gatewayId)
      .where('revoked_at', 'is', null)
      .executeTakeFirst()
    if (!gateway) throw notFound(`The gateway ${gatewayId}`)
    if (device.state === 'UNCLAIMED') {
      throw new ProblemError('device-unclaimed', 'No gateway has claimed this device: claim it through the gateway.')
    }
    const inside = { ...context, db }
    if (device.gateway_id === gatewayId) return { device: await readDevice(inside, deviceId), movedFrom: null }
    await sql`UPDATE device SET gateway_id = ${gatewayId}, site_id = ${gateway.site_id}, assignment = assignment + 1,
        connectivity = 'UNKNOWN', connectivity_detail = NULL, replacement = NULL,
        connectivity_reason = ${gateway.connected ? null : 'gateway-away'}, updated_at = now()
      WHERE account_id = ${accountId} AND device_id = ${deviceId}`.execute(db)
    await raiseRevision(db, { accountId, deviceId })
    const data = { from: device.gateway_id, to: gatewayId }
    await emitEvents(db, context.origin, [
      { type: 'device.moved', accountId, deviceId, projectIds: device.project_ids, data },
    ])
    return { device: await readDevice(inside, deviceId), movedFrom: device.gateway_id }
  })
}
