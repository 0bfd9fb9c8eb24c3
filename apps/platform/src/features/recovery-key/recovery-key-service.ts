import type { RecoveryKey, SealingJwk } from '@ocelli/contract'
import { sql } from 'kysely'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'

export async function readRecoveryKey({ db, caller }: Context): Promise<RecoveryKey> {
  return await db
    .selectFrom('account')
    .select(['recovery_key as publicKey', 'recovery_key_changed_at as changedAt'])
    .where('account_id', '=', caller.accountId)
    .executeTakeFirstOrThrow()
}

/** Setting the key that is set already changes nothing. */
export async function setRecoveryKey(context: Context, publicKey: SealingJwk | null): Promise<RecoveryKey> {
  const { caller, origin } = context
  const { accountId } = caller
  if (publicKey && 'd' in publicKey) {
    const detail = 'This is a private key. Send its public half, and make a new key: this one has left its owner.'
    throw new ProblemError('key-invalid', detail)
  }
  const text =
    publicKey && JSON.stringify({ kty: publicKey.kty, crv: publicKey.crv, x: publicKey.x, kid: publicKey.kid })
  return await inTransaction(context.db, async (db) => {
    const { numAffectedRows } = await sql`
      UPDATE account SET recovery_key = ${text}::jsonb, recovery_key_changed_at = now()
      WHERE account_id = ${accountId} AND recovery_key IS DISTINCT FROM ${text}::jsonb`.execute(db)
    if (numAffectedRows) {
      await emitEvents(db, origin, [
        { type: 'account.changed', accountId, data: { recoveryKey: publicKey?.x ?? null } },
      ])
    }
    return await readRecoveryKey({ ...context, db })
  })
}
