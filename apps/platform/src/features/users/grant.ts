import type { Permission } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import type { DatabaseTransaction } from '../../platform/database/database.ts'
import { ProblemError } from '../../platform/http/problem.ts'

/**
 * Whoever administers an account's users may give and take every permission but one: instance administration is passed
 * on, and taken away, by those who hold it, and so never leaves the first account.
 */
export function checkGrant(caller: Caller, before: readonly Permission[], after: readonly Permission[]): void {
  const operates = (permissions: readonly Permission[]) => permissions.includes('platform:operate')
  if (operates(before) === operates(after) || caller.permissions.has('platform:operate')) return
  throw new ProblemError('permission-missing', 'Only who holds platform:operate may give or take it.', {
    requiredPermission: 'platform:operate',
  })
}

/** Machines and tokens get no more than their maker may do. */
export function checkSubset(caller: Caller, wanted: readonly Permission[]): void {
  const missing = wanted.find((permission) => !caller.permissions.has(permission))
  if (missing === undefined) return
  throw new ProblemError('permission-missing', `You cannot give ${missing}, which you do not hold yourself.`, {
    requiredPermission: missing,
  })
}

/**
 * For what outlives its maker: a caller is remembered for seconds, and who has just been removed must not make himself a way back in them.
 * Holds the caller as it is until commit.
 */
export async function requireStillHeld(db: DatabaseTransaction, caller: Caller, permission: Permission): Promise<void> {
  const row =
    caller.kind === 'user'
      ? sql`account_user WHERE user_id = ${caller.id}::uuid`
      : sql`technical_user WHERE client_id = ${caller.id} AND revoked_at IS NULL`
  const { rows } =
    await sql`SELECT 1 FROM ${row} AND account_id = ${caller.accountId} AND ${permission} = ANY(permissions)
    FOR SHARE`.execute(db)
  if (rows.length > 0) return
  throw new ProblemError('permission-missing', `This needs the permission ${permission}.`, {
    requiredPermission: permission,
  })
}
