import { type RawBuilder, sql } from 'kysely'
import { ProblemError } from '../http/problem.ts'
import type { Database } from './database.ts'

/**
 * Refuses one more of what somebody could else make without end. `rows` is a SELECT of what there is; `advice` says what to do. Those
 * who make one at the same moment may pass together: a limit against floods, not an invariant. Throws ProblemError `limit-reached`.
 */
export async function requireRoom(
  db: Database,
  { rows, limit, what, advice }: { rows: RawBuilder<unknown>; limit: number; what: string; advice: string },
): Promise<void> {
  const found = await sql<{ count: number }>`SELECT count(*)::int AS count FROM (${rows} LIMIT ${limit}) AS r`.execute(
    db,
  )
  if ((found.rows[0]?.count ?? 0) < limit) return
  throw new ProblemError('limit-reached', `There are ${limit} ${what}, which is the limit. ${advice}`)
}
