import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../platform/database/database.ts'

/** Has a device's desired state sent anew. The caller holds the lock of the device's row. */
export async function raiseRevision(
  db: DatabaseTransaction,
  { accountId, deviceId }: { accountId: string; deviceId: string },
): Promise<void> {
  await sql`UPDATE device_channel SET revision = revision + 1 WHERE account_id = ${accountId} AND device_id = ${deviceId}`.execute(
    db,
  )
}
