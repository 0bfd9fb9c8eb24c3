import { type RawBuilder, sql } from 'kysely'

/**
 * Whether what was stamped by the database's clock was less than `age` ago. A stamp from the future counts for nothing: the clock was
 * set back, and whoever waited for it to pass would wait for as long as that. Ten seconds allow for statements that began
 * before the one that stamped.
 */
export const isFreshStamp = (stamp: RawBuilder<unknown>, age: RawBuilder<unknown>): RawBuilder<boolean> =>
  sql<boolean>`${stamp} BETWEEN now() - ${age} AND now() + interval '10 seconds'`
