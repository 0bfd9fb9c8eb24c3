import type { User } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../../platform/database/database.ts'

const userColumns = [
  'u.user_id as userId',
  'u.email as email',
  'u.first_name as firstName',
  'u.last_name as lastName',
  'u.permissions as permissions',
  sql<string[]>`ARRAY(SELECT m.project_id::text FROM project_member m WHERE m.user_id = u.user_id ORDER BY 1)`.as(
    'projectIds',
  ),
  'u.created_at as createdAt',
] as const

export async function listUsers(db: Database, accountId: string): Promise<User[]> {
  return await db
    .selectFrom('account_user as u')
    .select(userColumns)
    .where('u.account_id', '=', accountId)
    .orderBy('u.email')
    .execute()
}

export async function findUser(
  db: Database,
  { accountId, userId }: { accountId: string; userId: string },
): Promise<User | null> {
  const row = await db
    .selectFrom('account_user as u')
    .select(userColumns)
    .where('u.account_id', '=', accountId)
    .where('u.user_id', '=', userId)
    .executeTakeFirst()
  return row ?? null
}

/** Whoever changes the people of an account holds this until commit, so that two cannot each remove the other's last one. */
export async function lockPeople(db: Database, accountId: string): Promise<void> {
  await db.selectFrom('account').select('account_id').where('account_id', '=', accountId).forNoKeyUpdate().execute()
}

/** How many users of the account hold a permission. */
export async function countHolders(
  db: Database,
  { accountId, permission }: { accountId: string; permission: string },
): Promise<number> {
  const { count } = await db
    .selectFrom('account_user')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('account_id', '=', accountId)
    .where(sql<boolean>`${permission} = ANY(permissions)`)
    .executeTakeFirstOrThrow()
  return count
}
