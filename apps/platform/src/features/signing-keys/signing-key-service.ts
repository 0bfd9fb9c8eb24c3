import type { SigningKey, SigningKeyRequest } from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import { brokenConstraint } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Answer, Context } from '../../platform/http/route.ts'
import { readPublicKey } from '../../platform/keys/public-key.ts'

const isOwn = ({ accountId, kind, id }: Caller): RawBuilder<unknown> => {
  const owner = kind === 'user' ? sql`user_id = ${id}` : sql`client_id = ${id}`
  return sql`account_id = ${accountId} AND ${owner} AND revoked_at IS NULL`
}

const columns = sql`key_id AS "keyId", name, public_key AS "publicKey", created_at AS "createdAt"`

/** The caller's own keys. */
export async function listSigningKeys({ db, caller }: Context): Promise<SigningKey[]> {
  const { rows } = await sql<SigningKey>`SELECT ${columns} FROM signing_key WHERE ${isOwn(caller)}
    ORDER BY created_at, key_id`.execute(db)
  return rows
}

/** What this key signs is from now on the caller's statement. A key has one owner for ever, or statements would have two. */
export async function addSigningKey(
  context: Context,
  { publicKey, name }: SigningKeyRequest,
): Promise<Answer<SigningKey>> {
  const { caller, origin } = context
  const key = await readPublicKey(publicKey)
  return await inTransaction(context.db, async (db) => {
    const existing = await sql<SigningKey>`SELECT ${columns} FROM signing_key
      WHERE key_id = ${key.kid} AND ${isOwn(caller)}`.execute(db)
    if (existing.rows[0]) return { status: 200, body: existing.rows[0] }
    const [userId, clientId] = caller.kind === 'user' ? [caller.id, null] : [null, caller.id]
    try {
      const { rows } = await sql<SigningKey>`
        INSERT INTO signing_key (key_id, account_id, user_id, client_id, name, public_key)
        VALUES (${key.kid}, ${caller.accountId}, ${userId}, ${clientId}, ${name}, ${JSON.stringify(key)}::jsonb)
        RETURNING ${columns}`.execute(db)
      const [added] = rows
      if (!added) throw new Error('An INSERT without conflict gives its row.')
      const data = { keyId: key.kid, name }
      await emitEvents(db, origin, [{ type: 'signing-key.added', accountId: caller.accountId, data }])
      return { status: 201, body: added }
    } catch (error) {
      if (brokenConstraint(error)?.constraint !== 'signing_key_pkey') throw error
      throw new ProblemError('already-exists', 'This key is enrolled already, or was removed. Make a new one.')
    }
  })
}

/** Receipts signed by this key are refused from now on. */
export async function removeSigningKey({ db: outer, caller, origin }: Context, keyId: string): Promise<void> {
  await inTransaction(outer, async (db) => {
    const { rows } = await sql`UPDATE signing_key SET revoked_at = now() WHERE key_id = ${keyId} AND ${isOwn(caller)}
      RETURNING 1`.execute(db)
    if (rows.length === 0) throw notFound(`The signing key ${keyId}`)
    await emitEvents(db, origin, [{ type: 'signing-key.removed', accountId: caller.accountId, data: { keyId } }])
  })
}
