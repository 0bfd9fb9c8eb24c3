import { type AccessToken, type IssuedAccessToken, type NewAccessToken, permissions } from '@ocelli/contract'
import { sql } from 'kysely'
import { personalAccessTokenPrefix } from '../../platform/auth/authenticate.ts'
import type { Caller } from '../../platform/auth/caller.ts'
import { hashToken, newSecret } from '../../platform/auth/secret.ts'
import type { Database, DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { checkSubset } from '../users/grant.ts'
import { requireTokenRoom } from './token-room.ts'

const columns = [
  't.token_id as tokenId',
  't.name as name',
  sql<AccessToken['permissions']>`coalesce(t.permissions, u.permissions)`.as('permissions'),
  't.created_at as createdAt',
  't.expires_at as expiresAt',
  't.last_used_at as lastUsedAt',
] as const

export function createAccessTokensService({ forget, nowMs }: { forget: () => void; nowMs: () => number }) {
  return {
    list: ({ db, caller }: Context): Promise<AccessToken[]> =>
      own(db, caller).orderBy('t.created_at').orderBy('t.token_id').execute(),

    /** `authorization`: the header that the caller came with, which may be a token that this one must not outlive. */
    async create(
      { db, caller, origin }: Context,
      wanted: NewAccessToken,
      authorization: string | undefined,
    ): Promise<IssuedAccessToken> {
      onlyPeople(caller)
      const granted = wanted.permissions ?? permissions.filter((permission) => caller.permissions.has(permission))
      checkSubset(caller, granted)
      const expiresAt = wanted.expiresAt ?? null
      if (expiresAt !== null && Date.parse(expiresAt) <= nowMs()) {
        throw new ProblemError('invalid-request', 'expiresAt lies in the past.')
      }
      const token = newSecret(personalAccessTokenPrefix)
      return await inTransaction(db, async (transaction) => {
        const madeWith = await checkParent(transaction, expiresAt, authorization)
        await requireTokenRoom(transaction, caller)
        const { token_id: tokenId } = await transaction
          .insertInto('access_token')
          .values({
            account_id: caller.accountId,
            user_id: caller.id,
            name: wanted.name.trim(),
            token_hash: hashToken(token),
            permissions: granted,
            expires_at: expiresAt,
          })
          .returning('token_id')
          .executeTakeFirstOrThrow()
        await emitEvents(transaction, origin, [
          {
            type: 'token.created',
            accountId: caller.accountId,
            data: { tokenId, name: wanted.name.trim(), permissions: granted, expiresAt, madeWith },
          },
        ])
        const made = await own(transaction, caller).where('t.token_id', '=', tokenId).executeTakeFirstOrThrow()
        return { ...made, token }
      })
    },

    async revoke({ db, caller, origin, afterCommit }: Context, tokenId: string): Promise<void> {
      onlyPeople(caller)
      await inTransaction(db, async (transaction) => {
        const revoked = await transaction
          .updateTable('access_token')
          .set({ revoked_at: sql`now()` })
          .where('account_id', '=', caller.accountId)
          .where('user_id', '=', caller.id)
          .where('token_id', '=', tokenId)
          .where('revoked_at', 'is', null)
          .returning('name')
          .executeTakeFirst()
        if (!revoked) throw notFound(`The access token ${tokenId}`)
        await emitEvents(transaction, origin, [
          { type: 'token.revoked', accountId: caller.accountId, data: { tokenId, ...revoked } },
        ])
      })
      afterCommit(forget)
    },
  }
}

const own = (db: Database, caller: Caller) => {
  onlyPeople(caller)
  return db
    .selectFrom('access_token as t')
    .innerJoin('account_user as u', 'u.user_id', 't.user_id')
    .select(columns)
    .where('t.account_id', '=', caller.accountId)
    .where('t.user_id', '=', caller.id)
    .where('t.revoked_at', 'is', null)
}

function onlyPeople(caller: Caller): void {
  if (caller.kind !== 'user') {
    throw new ProblemError('permission-missing', 'Personal access tokens belong to people; machines have their secret.')
  }
}

/**
 * The token that the caller came with, null without one. One that leaked must not make itself a longer life, nor one that was revoked a
 * new one while another process still remembers it: it is held as it is until commit.
 */
async function checkParent(
  db: DatabaseTransaction,
  expiresAt: string | null,
  authorization: string | undefined,
): Promise<string | null> {
  const presented = authorization?.replace(/^Bearer +/i, '')
  if (!presented?.startsWith(personalAccessTokenPrefix)) return null
  const parent = await db
    .selectFrom('access_token')
    .select(['token_id', 'expires_at'])
    .where('token_hash', '=', hashToken(presented))
    .where('revoked_at', 'is', null)
    .forShare()
    .executeTakeFirst()
  if (!parent) throw new ProblemError('unauthenticated', 'This token was revoked.')
  const untilMs = parent.expires_at ? Date.parse(parent.expires_at) : Number.POSITIVE_INFINITY
  if ((expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt)) > untilMs) {
    throw new ProblemError(
      'invalid-request',
      `A token made with a token cannot outlive it: set expiresAt to ${parent.expires_at} or before.`,
    )
  }
  return parent.token_id
}
