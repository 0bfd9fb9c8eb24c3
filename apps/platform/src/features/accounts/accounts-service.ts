import {
  type Account,
  type AccountAdministration,
  type AccountPatch,
  type CreatedAccount,
  type Me,
  type NewAccount,
  type Permission,
  permissions,
} from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { emitEvents, type NewEvent } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { issueInvitation } from '../users/invitations-service.ts'
import { findUser } from '../users/user-store.ts'

const columns = [
  'account_id as accountId',
  'name',
  'is_operator as isOperator',
  'suspended_at as suspendedAt',
  'created_at as createdAt',
] as const

const ofEveryAccount: Permission[] = permissions.filter((permission) => permission !== 'platform:operate')

export function createAccountsService({ forget, publicUrl }: { forget: () => void; publicUrl: string }) {
  return {
    own: ({ db, caller }: Context): Promise<Account> => existing(db, caller.accountId),

    changeOwn: (context: Context, patch: AccountPatch): Promise<Account> =>
      change(context, context.caller.accountId, patch),

    async me({ db, caller }: Context): Promise<Me> {
      // routes for people and machines refuse gateways before they come here
      if (caller.kind === 'gateway') throw new ProblemError('permission-missing', 'Gateways may not call this.')
      return {
        kind: caller.kind,
        id: caller.id,
        permissions: permissions.filter((permission) => caller.permissions.has(permission)),
        projectIds: caller.scope.all ? null : caller.scope.projectIds,
        account: await existing(db, caller.accountId),
        user: caller.kind === 'user' ? await findUser(db, { accountId: caller.accountId, userId: caller.id }) : null,
      }
    },

    list: ({ db }: Context): Promise<Account[]> =>
      db.selectFrom('account').select(columns).orderBy('created_at').orderBy('account_id').execute(),

    get: ({ db }: Context, accountId: string): Promise<Account> => existing(db, accountId),

    create: ({ db, origin }: Context, { name, administratorEmail }: NewAccount): Promise<CreatedAccount> =>
      inTransaction(db, async (transaction) => {
        const account = await transaction
          .insertInto('account')
          .values({ name: name.trim() })
          .returning(columns)
          .executeTakeFirstOrThrow()
        const { accountId } = account
        await emitEvents(transaction, origin, [{ type: 'account.created', accountId, data: { name: account.name } }])
        const invitation = await issueInvitation(transaction, {
          accountId,
          email: administratorEmail,
          permissions: ofEveryAccount,
          origin,
          publicUrl,
        })
        return { account, invitation }
      }),

    async administer(context: Context, accountId: string, patch: AccountAdministration): Promise<Account> {
      const account = await change(context, accountId, patch)
      context.afterCommit(forget)
      return account
    },
  }
}

/** Every change is an event of its own; what is already so stays as it is and makes none. */
async function change({ db, origin }: Context, accountId: string, patch: AccountAdministration): Promise<Account> {
  return await inTransaction(db, async (transaction) => {
    const before = await transaction
      .selectFrom('account')
      .select(columns)
      .where('account_id', '=', accountId)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (!before) throw notFound(`The account ${accountId}`)
    if (patch.suspended && before.isOperator) {
      throw new ProblemError('state-conflict', 'The account that runs this installation cannot be suspended.')
    }
    const name = patch.name?.trim() ?? before.name
    const isSuspended = before.suspendedAt !== null
    const suspended = patch.suspended ?? isSuspended
    const events: NewEvent[] = []
    if (name !== before.name) {
      events.push({ type: 'account.changed', accountId, data: { nameBefore: before.name, name } })
    }
    if (suspended !== isSuspended) {
      events.push({ type: suspended ? 'account.suspended' : 'account.resumed', accountId })
    }
    if (events.length === 0) return before
    const after = await transaction
      .updateTable('account')
      .set({ name, suspended_at: suspended ? sql`coalesce(suspended_at, now())` : null })
      .where('account_id', '=', accountId)
      .returning(columns)
      .executeTakeFirstOrThrow()
    await emitEvents(transaction, origin, events)
    return after
  })
}

async function existing(db: Database, accountId: string): Promise<Account> {
  const account = await db.selectFrom('account').select(columns).where('account_id', '=', accountId).executeTakeFirst()
  if (!account) throw notFound(`The account ${accountId}`)
  return account
}
