import { sql } from 'kysely'
import type { DatabaseTransaction } from './database.ts'
import type { SessionSettings } from './session-settings.ts'

/** 0: no limit. */
export interface SessionLimits {
  /** Ends a statement that runs for so long, waiting included. */
  statementTimeoutMs: number
  /** Ends a statement that waits for a lock for so long: whoever holds it may be stuck. */
  lockTimeoutMs: number
  /** Ends a session that says nothing in the middle of a transaction: a process that is frozen there holds its locks. */
  idleInTransactionTimeoutMs: number
}

const lockTimeoutMs = 10_000

/** For statements that serve requests and the platform's own turns: each can be asked again. */
export const limitsOf = (statementTimeoutMs: number): SessionLimits => ({
  statementTimeoutMs,
  // below the statement's own limit, so that a lock is told as a lock
  lockTimeoutMs: statementTimeoutMs > 0 ? Math.min(lockTimeoutMs, Math.ceil(statementTimeoutMs / 2)) : lockTimeoutMs,
  idleInTransactionTimeoutMs: 60_000,
})

export const usualLimits = limitsOf(30_000)

/** For migrations, exports and imports, which must come to their end whatever the role's or the database's own settings are. */
export const noLimits: SessionLimits = { statementTimeoutMs: 0, lockTimeoutMs: 0, idleInTransactionTimeoutMs: 0 }

export const asSettings = (limits: SessionLimits): SessionSettings => ({
  statement_timeout: limits.statementTimeoutMs,
  lock_timeout: limits.lockTimeoutMs,
  idle_in_transaction_session_timeout: limits.idleInTransactionTimeoutMs,
})

/**
 * Gives the rest of the transaction ten minutes for each statement, where it had less: for one thing that is written whole however
 * large it is (a rollout with its devices, an order with its licenses). What is cut off again at every try never comes to its end.
 */
export async function allowLongStatements(db: DatabaseTransaction): Promise<void> {
  await sql`SELECT set_config('statement_timeout', '10min', true)
    WHERE current_setting('statement_timeout')::interval BETWEEN interval '1 millisecond' AND interval '10 minutes'`.execute(
    db,
  )
}

/** Why PostgreSQL cut a statement off (appendix A: lock_not_available, query_canceled); null for any other error. */
export function cutOffBy(error: unknown): 'lock' | 'statement' | null {
  const code = (error as { code?: unknown } | null)?.code
  return code === '55P03' ? 'lock' : code === '57014' ? 'statement' : null
}
