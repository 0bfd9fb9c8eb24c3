import type { DeviceAuthorization, SignInRequest, TokenAnswer } from '@ocelli/contract'
import { sql } from 'kysely'
import { personalAccessTokenPrefix } from '../../platform/auth/authenticate.ts'
import { hashToken, newSecret } from '../../platform/auth/secret.ts'
import type { Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { requireTokenRoom } from '../access-tokens/token-room.ts'
import type { FailureLimit } from '../auth-token/failure-limit.ts'
import { TokenRefused } from '../auth-token/token-refusal.ts'
import { attemptWithin } from '../auth-token/within-limits.ts'
import { newUserCode, readUserCode, showUserCode } from './user-code.ts'

const livesSeconds = 600
const intervalSeconds = 5
const tokenDays = 90
/** Anybody may ask; so many are kept at the same time. */
const maxPending = 10_000

/**
 * Requests of programs to be signed in (RFC 8628). All by the database's clock.
 *
 * | now | what comes | becomes |
 * | --- | --- | --- |
 * | - | a program asks | PENDING |
 * | PENDING | the program asks for its token | PENDING: `authorization_pending`, or `slow_down` within the interval |
 * | PENDING | a signed-in person approves / denies | APPROVED, with that person / DENIED |
 * | APPROVED, DENIED | a person decides again | unchanged: 409 |
 * | APPROVED | the program asks for its token | gone; a personal access token, in the same transaction |
 * | DENIED | the program asks for its token | gone: `access_denied` |
 * | any, expired | the program asks, a person decides | `expired_token`, 404; removed when the next program asks |
 */
export function createDeviceSignIn({ publicUrl, wrongCodes }: { publicUrl: string; wrongCodes: FailureLimit }) {
  const found = async ({ db, caller }: Context, typed: string): Promise<SignInRequest> => {
    const look = () => select(db).where('user_code', '=', readUserCode(typed)).executeTakeFirst()
    const looked = await attemptWithin([[wrongCodes, caller.id]], look, {
      ofResult: (row) => (row ? 'neither' : 'refused'),
      ofError: () => 'neither',
    })
    if (looked.kind === 'wait') {
      throw new ProblemError('too-many-requests', 'Too many wrong codes: wait as long as Retry-After says.', looked)
    }
    if (!looked.result) throw notFound('A program with this code, which is good for ten minutes,')
    return toRequest(looked.result)
  }
  return {
    async begin(db: Database, clientName: string): Promise<DeviceAuthorization> {
      const deviceCode = newSecret('')
      const userCode = newUserCode()
      await sql`DELETE FROM sign_in_request WHERE expires_at <= now()`.execute(db)
      const { rows } = await sql<{ user_code: string }>`
        INSERT INTO sign_in_request (device_code_hash, user_code, client_name, expires_at)
        SELECT ${hashToken(deviceCode)}, ${userCode}, ${clientName}, now() + make_interval(secs => ${livesSeconds})
        WHERE (SELECT count(*) FROM sign_in_request) < ${maxPending}
        RETURNING user_code`.execute(db)
      if (rows.length === 0) throw tooMany()
      const page = `${publicUrl}/device`
      return {
        ...{ device_code: deviceCode, user_code: showUserCode(userCode), verification_uri: page },
        verification_uri_complete: `${page}?code=${showUserCode(userCode)}`,
        ...{ expires_in: livesSeconds, interval: intervalSeconds },
      }
    },

    show: found,

    /** Only once, and only by a session: a token that leaked must not make itself another. */
    async decide(context: Context, typed: string, decision: 'APPROVED' | 'DENIED'): Promise<SignInRequest> {
      const { db, caller } = context
      await found(context, typed)
      if (decision === 'APPROVED') await requireTokenRoom(db, caller)
      const decided = await db
        .updateTable('sign_in_request')
        .set({
          state: decision,
          account_id: caller.accountId,
          user_id: caller.id,
          permissions: [...caller.permissions],
        })
        .where('user_code', '=', readUserCode(typed))
        .where('state', '=', 'PENDING')
        .where('expires_at', '>', sql<string>`now()`)
        .returning(columns)
        .executeTakeFirst()
      if (!decided) throw new ProblemError('state-conflict', 'This request has been decided already.')
      return toRequest(decided)
    },
  }
}

/** The token for a device code. Throws TokenRefused. */
export async function exchangeDeviceCode(
  db: Database,
  deviceCode: string | undefined,
  requestId: string,
): Promise<TokenAnswer> {
  if (!deviceCode) throw new TokenRefused('invalid_request', 'device_code is missing.')
  const hash = hashToken(deviceCode)
  const answer = await inTransaction(db, (transaction) => exchangeIn(transaction, hash, requestId))
  if (answer instanceof TokenRefused) throw answer
  return answer
}

/** Refusals are given, not thrown: when it was asked, and that a denied request is gone, must be committed. */
async function exchangeIn(db: Database, hash: string, requestId: string): Promise<TokenAnswer | TokenRefused> {
  const row = await db
    .selectFrom('sign_in_request')
    .where('device_code_hash', '=', hash)
    .select(['state', 'client_name', 'account_id', 'user_id', 'permissions'])
    .select(sql<boolean>`expires_at <= now()`.as('is_expired'))
    .select(
      sql<boolean>`coalesce(last_polled_at > now() - make_interval(secs => ${intervalSeconds - 1}), false)`.as(
        'is_early',
      ),
    )
    .forUpdate()
    .executeTakeFirst()
  if (!row) return new TokenRefused('invalid_grant', 'There is no such device code, or its token has been fetched.')
  if (row.is_expired) return new TokenRefused('expired_token', 'Nobody has approved in time. Begin again.')
  if (row.state === 'PENDING') {
    await db
      .updateTable('sign_in_request')
      .set({ last_polled_at: sql`now()` })
      .where('device_code_hash', '=', hash)
      .execute()
    return row.is_early
      ? new TokenRefused('slow_down', `Ask every ${intervalSeconds} seconds, and 5 more after this answer.`)
      : new TokenRefused('authorization_pending', 'The person has not decided yet.')
  }
  await db.deleteFrom('sign_in_request').where('device_code_hash', '=', hash).execute()
  const { account_id: accountId, user_id: userId, permissions } = row
  if (row.state === 'DENIED' || !accountId || !userId || !permissions) {
    return new TokenRefused('access_denied', 'The person has refused.')
  }
  const token = newSecret(personalAccessTokenPrefix)
  const name = row.client_name
  const made = await db
    .insertInto('access_token')
    .values({
      ...{ account_id: accountId, user_id: userId, name, token_hash: hashToken(token), permissions },
      expires_at: sql<string>`now() + make_interval(days => ${tokenDays})`,
    })
    .returning(['token_id', 'expires_at'])
    .executeTakeFirstOrThrow()
  const data = { tokenId: made.token_id, name, permissions, expiresAt: made.expires_at }
  await emitEvents(db, { actor: { kind: 'user', id: userId }, requestId }, [{ type: 'token.created', accountId, data }])
  return {
    ...{ access_token: token, token_type: 'Bearer', expires_in: tokenDays * 86_400 },
    ...{ scope: permissions.join(' '), token_id: made.token_id },
  }
}

const columns = ['user_code', 'client_name', 'state', 'requested_at', 'expires_at'] as const

const select = (db: Database) =>
  db.selectFrom('sign_in_request').select(columns).where('expires_at', '>', sql<string>`now()`)

interface Row {
  user_code: string
  client_name: string
  state: SignInRequest['state']
  requested_at: string
  expires_at: string
}

const toRequest = (row: Row): SignInRequest => ({
  ...{ userCode: showUserCode(row.user_code), clientName: row.client_name, state: row.state },
  ...{ requestedAt: row.requested_at, expiresAt: row.expires_at },
})

const tooMany = () =>
  new TokenRefused('temporarily_unavailable', 'Too many programs wait to be signed in. Try again in a minute.', {
    retryAfterSeconds: 60,
  })
