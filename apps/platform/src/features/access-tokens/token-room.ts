import { sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import type { Database } from '../../platform/database/database.ts'
import { requireRoom } from '../../platform/database/require-room.ts'

const tokensPerPerson = 100

/** Throws ProblemError `limit-reached` to a person who has as many tokens that are good as there may be. */
export function requireTokenRoom(db: Database, { accountId, id }: Pick<Caller, 'accountId' | 'id'>): Promise<void> {
  return requireRoom(db, {
    rows: sql`SELECT 1 FROM access_token WHERE account_id = ${accountId} AND user_id = ${id}
      AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
    limit: tokensPerPerson,
    what: 'personal access tokens of yours',
    advice: 'Revoke those that nobody uses any more.',
  })
}
