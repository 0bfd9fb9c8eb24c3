import { randomBytes } from 'node:crypto'
import { type Permission, permissions } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../platform/database/database.ts'
import { inTransaction } from '../../platform/database/in-transaction.ts'
import { byPlatform, emitEvents } from '../../platform/events/emit.ts'
import { hashChosenClientSecret, hashNewClientSecret, newClientSecret } from '../technical-users/client-secret.ts'
import type { PersonDirectory } from '../users/person-directory.ts'

/** What the environment says of the first account; null: made up. */
interface FirstAccountOptions {
  adminEmail: string | null
  adminPassword: string | null
  clientId: string | null
  clientSecret: string | null
}

export interface FirstAccount {
  created: boolean
  accountId: string
  adminEmail: string
  /** Only right after it was made up: it is stored hashed. */
  adminPassword: string | null
  /** null: there is no technical user any more. */
  clientId: string | null
  /** Only right after it was made up. */
  clientSecret: string | null
}

const lockKey = 7_203_442
const all: Permission[] = [...permissions]

/**
 * Makes the account that runs this installation, its administrator and its technical user, at the first start; processes
 * that start together make it once. Later starts change nothing: the environment never replaces a password or secret.
 */
export async function ensureFirstAccount(
  db: Database,
  options: FirstAccountOptions,
  people: Pick<PersonDirectory, 'createPerson'>,
): Promise<FirstAccount> {
  return await inTransaction(db, async (transaction) => {
    await sql`SELECT pg_advisory_xact_lock(${lockKey}::bigint)`.execute(transaction)
    return (await readFirstAccount(transaction)) ?? (await createFirstAccount(transaction, options, people))
  })
}

async function readFirstAccount(db: Database): Promise<FirstAccount | null> {
  const row = await db
    .selectFrom('account as a')
    .where('a.is_operator', '=', true)
    .select((eb) => [
      'a.account_id as accountId',
      eb
        .selectFrom('account_user as u')
        .whereRef('u.account_id', '=', 'a.account_id')
        .where(sql<boolean>`'account:users' = ANY(u.permissions)`)
        .orderBy('u.created_at')
        .limit(1)
        .select('u.email')
        .as('adminEmail'),
      eb
        .selectFrom('technical_user as t')
        .whereRef('t.account_id', '=', 'a.account_id')
        .where('t.revoked_at', 'is', null)
        .where('t.whole_account', '=', true)
        .orderBy('t.created_at')
        .limit(1)
        .select('t.client_id')
        .as('clientId'),
    ])
    .executeTakeFirst()
  if (!row) return null
  return { ...row, created: false, adminEmail: row.adminEmail ?? '', adminPassword: null, clientSecret: null }
}

async function createFirstAccount(
  db: DatabaseTransaction,
  options: FirstAccountOptions,
  people: Pick<PersonDirectory, 'createPerson'>,
): Promise<FirstAccount> {
  const adminEmail = options.adminEmail?.toLowerCase() ?? 'admin@ocelli.local'
  const adminPassword = options.adminPassword ?? randomBytes(12).toString('base64url')
  const clientId = options.clientId ?? `ocelli-${randomBytes(6).toString('hex')}`
  const clientSecret = options.clientSecret ?? newClientSecret()
  const { account_id: accountId } = await db
    .insertInto('account')
    .values({ name: 'Ocelli', is_operator: true })
    .returning('account_id')
    .executeTakeFirstOrThrow()
  const { user_id: userId } = await db
    .insertInto('account_user')
    .values({ account_id: accountId, email: adminEmail, first_name: 'Administrator', permissions: all })
    .returning('user_id')
    .executeTakeFirstOrThrow()
  await db
    .insertInto('technical_user')
    .values({
      client_id: clientId,
      account_id: accountId,
      name: 'First technical user',
      secret_hash: options.clientSecret
        ? await hashChosenClientSecret(clientSecret)
        : hashNewClientSecret(clientSecret),
      permissions: all,
      whole_account: true,
    })
    .execute()
  await emitEvents(db, byPlatform, [
    { type: 'account.created', accountId, data: { name: 'Ocelli' } },
    { type: 'user.joined', accountId, data: { userId, email: adminEmail, permissions: all } },
    { type: 'technical-user.created', accountId, data: { clientId, permissions: all } },
  ])
  const authUserId = await people.createPerson({ email: adminEmail, password: adminPassword, name: 'Administrator' })
  await db.updateTable('account_user').set({ auth_user_id: authUserId }).where('user_id', '=', userId).execute()
  return {
    created: true,
    accountId,
    adminEmail,
    adminPassword: options.adminPassword ? null : adminPassword,
    clientId,
    clientSecret: options.clientSecret ? null : clientSecret,
  }
}
