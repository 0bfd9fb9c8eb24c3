import type { Permission, User, UserPatch } from '@ocelli/contract'
import type { Logger } from 'pino'
import type { Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { checkGrant, requireStillHeld } from './grant.ts'
import { revokeTheirs } from './invitations-service.ts'
import type { PersonDirectory } from './person-directory.ts'
import { countHolders, findUser, listUsers, lockPeople } from './user-store.ts'

/** Without one of these nobody in the account could repair anything. */
const indispensable: Permission[] = ['account:users', 'platform:operate']

export function createUsersService({
  people,
  forget,
  log,
}: {
  people: PersonDirectory
  forget: () => void
  log: Logger
}) {
  return {
    list: ({ db, caller }: Context): Promise<User[]> => listUsers(db, caller.accountId),

    get: ({ db, caller }: Context, userId: string): Promise<User> => existing(db, caller.accountId, userId),

    async change({ db, caller, origin, afterCommit }: Context, userId: string, patch: UserPatch): Promise<User> {
      const changed = await inTransaction(db, async (transaction) => {
        await lockPeople(transaction, caller.accountId)
        const user = await existing(transaction, caller.accountId, userId)
        if (patch.permissions) {
          await requireStillHeld(transaction, caller, 'account:users')
          checkGrant(caller, user.permissions, patch.permissions)
          await keepAdministrators(transaction, { accountId: caller.accountId, user, after: patch.permissions })
        }
        await transaction
          .updateTable('account_user')
          .set({
            first_name: patch.firstName ?? user.firstName,
            last_name: patch.lastName ?? user.lastName,
            permissions: patch.permissions ?? user.permissions,
          })
          .where('account_id', '=', caller.accountId)
          .where('user_id', '=', userId)
          .execute()
        await emitEvents(transaction, origin, [
          {
            type: 'user.changed',
            accountId: caller.accountId,
            data: {
              userId,
              email: user.email,
              ...(patch.permissions ? { permissionsBefore: user.permissions, permissions: patch.permissions } : {}),
            },
          },
        ])
        if (patch.permissions) {
          await revokeTheirs(transaction, {
            accountId: caller.accountId,
            inviterId: userId,
            origin,
            held: patch.permissions,
          })
        }
        return await existing(transaction, caller.accountId, userId)
      })
      afterCommit(forget)
      return changed
    },

    async remove({ db, caller, origin, afterCommit }: Context, userId: string): Promise<void> {
      const authUserId = await inTransaction(db, async (transaction) => {
        await lockPeople(transaction, caller.accountId)
        const user = await existing(transaction, caller.accountId, userId)
        checkGrant(caller, user.permissions, [])
        await keepAdministrators(transaction, { accountId: caller.accountId, user, after: [] })
        const removed = await transaction
          .deleteFrom('account_user')
          .where('account_id', '=', caller.accountId)
          .where('user_id', '=', userId)
          .returning('auth_user_id')
          .executeTakeFirstOrThrow()
        await emitEvents(transaction, origin, [
          { type: 'user.removed', accountId: caller.accountId, data: { userId, email: user.email } },
        ])
        await revokeTheirs(transaction, { accountId: caller.accountId, inviterId: userId, origin, held: [] })
        return removed.auth_user_id
      })
      afterCommit(forget)
      // a sign-in without a user opens nothing, so that a crash before this is harmless
      if (authUserId) {
        afterCommit(() => {
          people
            .deletePerson(authUserId)
            .catch((err: unknown) => log.warn({ err }, 'the sign-in of a removed user is still there'))
        })
      }
    },
  }
}

async function existing(db: Database, accountId: string, userId: string): Promise<User> {
  const user = await findUser(db, { accountId, userId })
  if (!user) throw notFound(`The user ${userId}`)
  return user
}

async function keepAdministrators(
  db: Database,
  { accountId, user, after }: { accountId: string; user: User; after: Permission[] },
): Promise<void> {
  for (const permission of indispensable) {
    if (!user.permissions.includes(permission) || after.includes(permission)) continue
    if ((await countHolders(db, { accountId, permission })) > 1) continue
    throw new ProblemError(
      'last-administrator',
      `${user.email} is the last user with ${permission}. Give it to somebody else first.`,
    )
  }
}
