import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { requireRoom } from '../../platform/database/require-room.ts'

/**
 * Each open rollout is looked at by every step of the engine, and one that is kept open looks for devices for ever. Going back is never
 * refused for this. Throws ProblemError `limit-reached`.
 */
export async function requireOpenRoom(
  db: Database,
  { accountId, limit }: { accountId: string; limit: number },
): Promise<void> {
  if (limit === 0) return
  await requireRoom(db, {
    rows: sql`SELECT 1 FROM rollout WHERE account_id = ${accountId} AND is_open`,
    limit,
    what: 'open rollouts in this account',
    advice: 'Abort or close some, or wait until they are complete.',
  })
}
