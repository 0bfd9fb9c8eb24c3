import { permissions } from '@ocelli/contract'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AccountsPlatform, createAccountsPlatform } from '../../../test/accounts-platform.ts'
import { verifyClientSecret } from '../technical-users/client-secret.ts'
import { ensureFirstAccount } from './first-account.ts'

const nothing = { adminEmail: null, adminPassword: null, clientId: null, clientSecret: null }
const given = {
  adminEmail: 'Boss@Example.com',
  adminPassword: 'a password',
  clientId: 'robot',
  clientSecret: 'a secret',
}

let platform: AccountsPlatform
beforeEach(async () => {
  platform = await createAccountsPlatform()
})
afterEach(() => platform.close())

async function secretHashOf(clientId: string): Promise<string> {
  const row = await platform.db
    .selectFrom('technical_user')
    .select('secret_hash')
    .where('client_id', '=', clientId)
    .executeTakeFirstOrThrow()
  return row.secret_hash
}

describe('the first account', () => {
  test('has an administrator and a technical user with every permission, whose secrets are shown once', async () => {
    const first = await ensureFirstAccount(platform.db, nothing, platform.people)
    expect(first).toMatchObject({ created: true, adminEmail: 'admin@ocelli.local' })
    expect(await verifyClientSecret(first.clientSecret ?? '', await secretHashOf(first.clientId ?? ''))).toBe(true)
    const [person] = platform.people.people.values()
    expect(person).toMatchObject({ email: 'admin@ocelli.local', password: first.adminPassword })
    const user = await platform.db.selectFrom('account_user').selectAll().executeTakeFirstOrThrow()
    expect(user.permissions).toEqual(permissions)
    expect(platform.people.people.has(user.auth_user_id ?? '')).toBe(true)
    const again = await ensureFirstAccount(platform.db, nothing, platform.people)
    expect(again).toEqual({ ...first, created: false, adminPassword: null, clientSecret: null })
    expect(await platform.events(first.accountId)).toEqual(['account.created', 'user.joined', 'technical-user.created'])
  })

  test('takes what the environment gives, at the first start only', async () => {
    const first = await ensureFirstAccount(platform.db, given, platform.people)
    expect(first).toMatchObject({
      created: true,
      adminEmail: 'boss@example.com',
      adminPassword: null,
      clientId: 'robot',
      clientSecret: null,
    })
    const other = { ...given, adminPassword: 'another password', clientSecret: 'another secret' }
    expect((await ensureFirstAccount(platform.db, other, platform.people)).created).toBe(false)
    expect(await verifyClientSecret('a secret', await secretHashOf('robot'))).toBe(true)
    expect(await verifyClientSecret('another secret', await secretHashOf('robot'))).toBe(false)
    expect(platform.people.people.size).toBe(1)
  })

  test('is made once by processes that start together', async () => {
    const made = await Promise.all([1, 2, 3].map(() => ensureFirstAccount(platform.db, nothing, platform.people)))
    expect(made.filter(({ created }) => created)).toHaveLength(1)
    expect(platform.people.people.size).toBe(1)
  })
})
