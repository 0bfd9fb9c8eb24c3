import type {
  Invitation,
  InvitationAcceptance,
  IssuedInvitation,
  NewInvitation,
  Permission,
  User,
} from '@ocelli/contract'
import { type RawBuilder, sql } from 'kysely'
import { hashToken, newSecret } from '../../platform/auth/secret.ts'
import { brokenConstraint, type Database, type DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { requireRoom } from '../../platform/database/require-room.ts'
import { type EventOrigin, emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { checkGrant, requireStillHeld } from './grant.ts'
import type { PersonDirectory } from './person-directory.ts'
import { findUser } from './user-store.ts'

const columns = [
  'invitation_id as invitationId',
  'email',
  'permissions',
  sql<Invitation['state']>`CASE WHEN expires_at > now() THEN 'PENDING' ELSE 'EXPIRED' END`.as('state'),
  'created_at as createdAt',
  'expires_at as expiresAt',
] as const

const perAccount = 1000

export function createInvitationsService({
  people,
  publicUrl,
}: {
  people: Pick<PersonDirectory, 'createPerson'>
  publicUrl: string
}) {
  return {
    list: ({ db, caller }: Context): Promise<Invitation[]> =>
      db
        .selectFrom('invitation')
        .select(columns)
        .where('account_id', '=', caller.accountId)
        .where('accepted_at', 'is', null)
        .where('revoked_at', 'is', null)
        .orderBy('email')
        .execute(),

    async invite({ db, caller, origin }: Context, invitation: NewInvitation): Promise<IssuedInvitation> {
      checkGrant(caller, [], invitation.permissions)
      return await inTransaction(db, async (transaction) => {
        await requireStillHeld(transaction, caller, 'account:users')
        return await issueInvitation(transaction, { ...invitation, accountId: caller.accountId, origin, publicUrl })
      })
    },

    async revoke({ db, caller: { accountId }, origin }: Context, invitationId: string): Promise<void> {
      await inTransaction(db, async (transaction) => {
        const which = sql<boolean>`invitation_id = ${invitationId}`
        const revoked = await revokeInvitations(transaction, { accountId, origin, which })
        if (revoked === 0) throw notFound(`The invitation ${invitationId}`)
      })
    },

    accept: ({ db, origin }: Context, acceptance: InvitationAcceptance): Promise<User> =>
      inTransaction(db, async (transaction) => {
        const invitation = await transaction
          .selectFrom('invitation as i')
          .innerJoin('account as a', 'a.account_id', 'i.account_id')
          .where('i.token_hash', '=', hashToken(acceptance.token))
          .where('i.accepted_at', 'is', null)
          .where('i.revoked_at', 'is', null)
          .where('i.expires_at', '>', sql<string>`now()`)
          .where('a.suspended_at', 'is', null)
          .select(['i.invitation_id', 'i.account_id', 'i.email', 'i.permissions'])
          .forUpdate('i')
          .executeTakeFirst()
        if (!invitation) throw new ProblemError('not-found', 'This invitation has expired, was used, or was revoked.')
        return await join(transaction, { acceptance, invitation, people, origin })
      }),
  }
}

/** Revokes the pending invitations of an account that the condition names, and gives their number. */
async function revokeInvitations(
  db: DatabaseTransaction,
  { accountId, origin, which }: { accountId: string; origin: EventOrigin; which: RawBuilder<boolean> },
): Promise<number> {
  const revoked = await db
    .updateTable('invitation')
    .set({ revoked_at: sql`now()` })
    .where('account_id', '=', accountId)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where(which)
    .returning(['invitation_id as invitationId', 'email'])
    .execute()
  await emitEvents(
    db,
    origin,
    revoked.map((data) => ({ type: 'invitation.revoked', accountId, data })),
  )
  return revoked.length
}

/** The links of invitations were shown to who made them: what they may give no more, they must not come back by. */
export async function revokeTheirs(
  db: DatabaseTransaction,
  {
    accountId,
    inviterId,
    origin,
    held,
  }: { accountId: string; inviterId: string; origin: EventOrigin; held: readonly Permission[] },
): Promise<void> {
  const [mayInvite, mayOperate] = [held.includes('account:users'), held.includes('platform:operate')]
  const which = sql<boolean>`invited_by = ${inviterId}
    AND (NOT ${mayInvite}::boolean OR (NOT ${mayOperate}::boolean AND 'platform:operate' = ANY(permissions)))`
  await revokeInvitations(db, { accountId, origin, which })
}

/** Makes an invitation good for seven days; one for the same e-mail that has expired gives way. */
export async function issueInvitation(
  db: DatabaseTransaction,
  {
    accountId,
    permissions,
    origin,
    publicUrl,
    ...invitation
  }: NewInvitation & { accountId: string; origin: EventOrigin; publicUrl: string },
): Promise<IssuedInvitation> {
  const email = invitation.email.toLowerCase()
  if (await isUser(db, { accountId, email })) {
    throw new ProblemError('already-exists', `${email} is a user of this account already.`)
  }
  await db
    .updateTable('invitation')
    .set({ revoked_at: sql`now()` })
    .where('account_id', '=', accountId)
    .where('email', '=', email)
    .where('expires_at', '<=', sql<string>`now()`)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .execute()
  await requireRoom(db, {
    rows: sql`SELECT 1 FROM invitation WHERE account_id = ${accountId} AND accepted_at IS NULL AND revoked_at IS NULL`,
    limit: perAccount,
    what: 'invitations in this account that nobody has accepted',
    advice: 'Revoke those that nobody will.',
  })
  const token = newSecret('oci_')
  const issued = await db
    .insertInto('invitation')
    .values({
      account_id: accountId,
      email,
      permissions,
      token_hash: hashToken(token),
      invited_by: origin.actor.id ?? origin.actor.kind,
      expires_at: sql`now() + interval '7 days'`,
    })
    .returning(columns)
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      if (brokenConstraint(error)?.constraint !== 'invitation_one_pending') throw error
      throw new ProblemError('already-exists', `${email} is invited already. Revoke that invitation to make a new one.`)
    })
  await emitEvents(db, origin, [
    { type: 'user.invited', accountId, data: { invitationId: issued.invitationId, email, permissions } },
  ])
  // after the #, so that the token stays out of logs and Referer
  return { ...issued, token, link: `${publicUrl}/invitation#${token}` }
}

async function join(
  db: DatabaseTransaction,
  {
    acceptance,
    invitation,
    people,
    origin,
  }: {
    acceptance: InvitationAcceptance
    invitation: { invitation_id: string; account_id: string; email: string; permissions: User['permissions'] }
    people: Pick<PersonDirectory, 'createPerson'>
    origin: EventOrigin
  },
): Promise<User> {
  const { account_id: accountId, email, permissions } = invitation
  const { firstName, lastName, password } = acceptance
  const { user_id: userId } = await db
    .insertInto('account_user')
    .values({ account_id: accountId, email, first_name: firstName, last_name: lastName, permissions })
    .returning('user_id')
    .executeTakeFirstOrThrow()
    .catch((error: unknown) => {
      if (brokenConstraint(error)?.constraint !== 'account_user_email') throw error
      throw new ProblemError('already-exists', `${email} belongs to a user already. Be invited under another e-mail.`)
    })
  await db
    .updateTable('invitation')
    .set({ accepted_at: sql`now()` })
    .where('invitation_id', '=', invitation.invitation_id)
    .execute()
  await emitEvents(db, { ...origin, actor: { kind: 'user', id: userId } }, [
    { type: 'user.joined', accountId, data: { userId, email, permissions } },
  ])
  const name = `${firstName} ${lastName}`.trim()
  const authUserId = await people.createPerson({ email, password, name })
  await db.updateTable('account_user').set({ auth_user_id: authUserId }).where('user_id', '=', userId).execute()
  const user = await findUser(db, { accountId, userId })
  if (!user) throw new Error('A user who just joined is not there.')
  return user
}

async function isUser(db: Database, { accountId, email }: { accountId: string; email: string }): Promise<boolean> {
  const row = await db
    .selectFrom('account_user')
    .select('user_id')
    .where('account_id', '=', accountId)
    .where('email', '=', email)
    .executeTakeFirst()
  return row !== undefined
}
