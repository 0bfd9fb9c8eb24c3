import { randomBytes } from 'node:crypto'
import type { IssuedTechnicalUser, NewTechnicalUser, TechnicalUser } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Caller } from '../../platform/auth/caller.ts'
import { brokenConstraint, type Database } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { requireRoom } from '../../platform/database/require-room.ts'
import { emitEvents } from '../../platform/events/emit.ts'
import { notFound, ProblemError } from '../../platform/http/problem.ts'
import type { Context } from '../../platform/http/route.ts'
import { checkSubset, requireStillHeld } from '../users/grant.ts'
import { revokeTheirs } from '../users/invitations-service.ts'
import { hashNewClientSecret, newClientSecret } from './client-secret.ts'

const columns = [
  't.client_id as clientId',
  't.name as name',
  't.permissions as permissions',
  sql<string[] | null>`CASE WHEN t.whole_account THEN NULL ELSE ARRAY(SELECT p.project_id::text
    FROM technical_user_project p WHERE p.client_id = t.client_id ORDER BY 1) END`.as('projectIds'),
  't.created_at as createdAt',
  't.last_used_at as lastUsedAt',
] as const

const perAccount = 1000

export function createTechnicalUsersService({ forget }: { forget: () => void }) {
  return {
    list: ({ db, caller }: Context): Promise<TechnicalUser[]> =>
      active(db, caller.accountId).orderBy('t.name').orderBy('t.client_id').execute(),

    async create({ db, caller, origin }: Context, wanted: NewTechnicalUser): Promise<IssuedTechnicalUser> {
      const { name, permissions } = wanted
      const projectIds = wanted.projectIds ?? null
      checkSubset(caller, permissions)
      checkProjects(caller, projectIds)
      const clientId = `oct-${randomBytes(9).toString('hex')}`
      const clientSecret = newClientSecret()
      return await inTransaction(db, async (transaction) => {
        await requireStillHeld(transaction, caller, 'account:settings')
        await requireRoom(transaction, {
          rows: sql`SELECT 1 FROM technical_user WHERE account_id = ${caller.accountId} AND revoked_at IS NULL`,
          limit: perAccount,
          what: 'technical users in this account',
          advice: 'Remove those that nobody uses any more.',
        })
        await transaction
          .insertInto('technical_user')
          .values({
            client_id: clientId,
            account_id: caller.accountId,
            name: name.trim(),
            secret_hash: hashNewClientSecret(clientSecret),
            permissions,
            whole_account: projectIds === null,
          })
          .execute()
        if (projectIds) await assignProjects(transaction, { accountId: caller.accountId, clientId, projectIds })
        await emitEvents(transaction, origin, [
          {
            type: 'technical-user.created',
            accountId: caller.accountId,
            data: { clientId, name: name.trim(), permissions, projectIds },
          },
        ])
        return { ...(await existing(transaction, caller.accountId, clientId)), clientSecret }
      })
    },

    /** The old secret ends at once, and with it the access tokens that it has fetched: it may have been stolen. */
    async rotate({ db, caller, origin, afterCommit }: Context, clientId: string): Promise<IssuedTechnicalUser> {
      const clientSecret = newClientSecret()
      const rotated = await inTransaction(db, async (transaction) => {
        await requireStillHeld(transaction, caller, 'account:settings')
        const technicalUser = await existing(transaction, caller.accountId, clientId)
        // who holds the new secret may do what the technical user may
        checkSubset(caller, technicalUser.permissions)
        checkProjects(caller, technicalUser.projectIds)
        const { numUpdatedRows } = await transaction
          .updateTable('technical_user')
          .set({ secret_hash: hashNewClientSecret(clientSecret), secret_number: sql`secret_number + 1` })
          .where('account_id', '=', caller.accountId)
          .where('client_id', '=', clientId)
          .where('revoked_at', 'is', null)
          .executeTakeFirst()
        if (numUpdatedRows === 0n) throw notFound(`The technical user ${clientId}`)
        await emitEvents(transaction, origin, [
          { type: 'technical-user.changed', accountId: caller.accountId, data: { clientId, secret: 'ROTATED' } },
        ])
        return { ...technicalUser, clientSecret }
      })
      afterCommit(forget)
      return rotated
    },

    async remove({ db, caller, origin, afterCommit }: Context, clientId: string): Promise<void> {
      await inTransaction(db, async (transaction) => {
        const removed = await transaction
          .updateTable('technical_user')
          .set({ revoked_at: sql`now()` })
          .where('account_id', '=', caller.accountId)
          .where('client_id', '=', clientId)
          .where('revoked_at', 'is', null)
          .returning('name')
          .executeTakeFirst()
        if (!removed) throw notFound(`The technical user ${clientId}`)
        await emitEvents(transaction, origin, [
          { type: 'technical-user.removed', accountId: caller.accountId, data: { clientId, ...removed } },
        ])
        await revokeTheirs(transaction, { accountId: caller.accountId, inviterId: clientId, origin, held: [] })
      })
      afterCommit(forget)
    },
  }
}

/** A maker who sees only some projects makes no machine that sees more. */
function checkProjects(caller: Caller, projectIds: string[] | null): void {
  if (caller.scope.all) return
  const own = caller.scope.projectIds
  if (projectIds === null) {
    throw new ProblemError(
      'permission-missing',
      'Name projects of yours: a technical user for the whole account is made by who sees the whole account.',
      { requiredPermission: 'projects:manage' },
    )
  }
  const foreign = projectIds.find((projectId) => !own.includes(projectId))
  if (foreign !== undefined) throw notFound(`The project ${foreign}`)
}

async function assignProjects(
  db: Database,
  { accountId, clientId, projectIds }: { accountId: string; clientId: string; projectIds: string[] },
): Promise<void> {
  await db
    .insertInto('technical_user_project')
    .values(projectIds.map((projectId) => ({ account_id: accountId, client_id: clientId, project_id: projectId })))
    .execute()
    .catch((error: unknown) => {
      if (brokenConstraint(error)?.code === '23503') throw notFound('One of these projects')
      throw error
    })
}

const active = (db: Database, accountId: string) =>
  db
    .selectFrom('technical_user as t')
    .select(columns)
    .where('t.account_id', '=', accountId)
    .where('t.revoked_at', 'is', null)

async function existing(db: Database, accountId: string, clientId: string): Promise<TechnicalUser> {
  const technicalUser = await active(db, accountId).where('t.client_id', '=', clientId).executeTakeFirst()
  if (!technicalUser) throw notFound(`The technical user ${clientId}`)
  return technicalUser
}
