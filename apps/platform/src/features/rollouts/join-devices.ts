import { sql } from 'kysely'
import { eventProjects } from '../../platform/auth/visibility.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { byPlatform, emitEvents } from '../../platform/events/emit.ts'
import { insertDevices, unitsOfInserted } from './insert-devices.ts'
import { reserveUnits } from './reserve-units.ts'
import type { RolloutRow } from './rollout-row.ts'

/** Devices that have come to match join, with a unit each while units last; without one they are rejected at their turn. */
export async function joinDevices(db: DatabaseTransaction, rollout: RolloutRow): Promise<number> {
  const { rolloutId, accountId, appId, filter, projectIds, licenseType, orderId } = rollout
  await sql`UPDATE rollout SET joined_at = now() WHERE rollout_id = ${rolloutId}`.execute(db)
  const scope = projectIds === null ? { all: true as const } : { all: false as const, projectIds }
  const selection = { kind: 'filter' as const, filter: filter ?? {} }
  const joined = await insertDevices(db, rollout, { scope, selection, joining: true })
  if (joined === 0) return 0
  if (licenseType) {
    const devices = unitsOfInserted(rolloutId)
    await reserveUnits(db, { accountId, appId, licenseType, orderId, devices, names: false }, byPlatform)
  }
  const data = { rolloutId, devices: joined }
  await emitEvents(db, byPlatform, [
    { type: 'rollout.devices-joined', accountId, appId, projectIds: eventProjects(projectIds), data },
  ])
  return joined
}
