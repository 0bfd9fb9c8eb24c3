import { type Account, type CreatedAccount, permissions, type User } from '@ocelli/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccountsPlatform, createAccountsPlatform } from '../../../test/accounts-platform.ts'
import type { TestAccount } from '../../../test/test-platform.ts'

let platform: AccountsPlatform
let call: AccountsPlatform['call']
let operator: TestAccount
beforeAll(async () => {
  platform = await createAccountsPlatform()
  call = platform.call
  operator = await platform.account({ operator: true, name: 'Ocelli' })
})
afterAll(() => platform.close())

describe('the own account', () => {
  test('is read by everybody in it and renamed with account:settings', async () => {
    const admin = await platform.account({ name: 'Before' })
    const other = await platform.user(admin.accountId, [])
    expect((await call(other, 'GET /account/v1/account')).body).toMatchObject({ name: 'Before', isOperator: false })
    expect((await call(other, 'PATCH /account/v1/account', { name: 'X' })).status).toBe(403)
    expect((await call(admin, 'PATCH /account/v1/account', { name: '  ' })).status).toBe(400)
    expect((await call(admin, 'PATCH /account/v1/account', { suspended: true })).status).toBe(400)
    expect((await call(admin, 'PATCH /account/v1/account', { name: 'After' })).body).toMatchObject({ name: 'After' })
    expect((await call(admin, 'PATCH /account/v1/account', { name: 'After' })).status).toBe(200)
    expect(await platform.events(admin.accountId)).toEqual(['account.changed'])
  })

  test('is part of what one is told of oneself', async () => {
    const admin = await platform.account()
    const me = await call(admin, 'GET /account/v1/me')
    expect(me.body).toMatchObject({
      kind: 'user',
      id: admin.userId,
      projectIds: null,
      permissions: permissions.filter((permission) => permission !== 'platform:operate'),
      account: { accountId: admin.accountId },
      user: { userId: admin.userId },
    })
    const limited = await platform.user(admin.accountId, ['devices:view'])
    expect((await call(limited, 'GET /account/v1/me')).body).toMatchObject({
      projectIds: [],
      permissions: ['devices:view'],
    })
    expect((await call(null, 'GET /account/v1/me')).status).toBe(401)
  })
})

describe('the instance administrator', () => {
  test('creates an account, whose administrator comes by invitation with every permission of an account', async () => {
    const body = { name: 'New company', administratorEmail: 'chief@example.com' }
    const made = await call<CreatedAccount>(operator, 'POST /account/v1/accounts', body)
    expect(made).toMatchObject({ status: 201, body: { account: { name: 'New company', suspendedAt: null } } })
    const { accountId } = made.body.account
    const person = { firstName: 'C', lastName: 'H', password: 'a good password' }
    const { token } = made.body.invitation
    const joined = await call<User>(null, 'POST /account/v1/invitations/accept', { ...person, token })
    expect(joined.body.permissions).toEqual(permissions.filter((permission) => permission !== 'platform:operate'))
    expect((await call(operator, `GET /account/v1/accounts/${accountId}`)).body).toEqual(made.body.account)
    const { body: all } = await call(operator, 'GET /account/v1/accounts')
    expect(all).toContainEqual(made.body.account)
    expect(await platform.events(accountId)).toEqual(['account.created', 'user.invited', 'user.joined'])
  })

  test('suspends and resumes an account, but not the first', async () => {
    const admin = await platform.account()
    const path = `/account/v1/accounts/${admin.accountId}`
    expect((await call(admin, 'GET /account/v1/me')).status).toBe(200)
    expect((await call<Account>(operator, `PATCH ${path}`, { suspended: true })).body.suspendedAt).not.toBeNull()
    expect((await call<Account>(operator, `PATCH ${path}`, { suspended: true })).status).toBe(200)
    expect((await call(admin, 'GET /account/v1/me')).status).toBe(401)
    expect((await call<Account>(operator, `PATCH ${path}`, { suspended: false })).body.suspendedAt).toBeNull()
    expect((await call(admin, 'GET /account/v1/me')).status).toBe(200)
    expect(await platform.events(admin.accountId)).toEqual(['account.suspended', 'account.resumed'])
    const own = `PATCH /account/v1/accounts/${operator.accountId}` as const
    expect(await call(operator, own, { suspended: true })).toMatchObject({ body: { code: 'state-conflict' } })
    expect((await call(operator, `PATCH /account/v1/accounts/${crypto.randomUUID()}`, { name: 'x' })).status).toBe(404)
    expect((await call(operator, `PATCH ${path}`, {})).status).toBe(400)
  })

  test('is nobody outside the first account, whatever the row says', async () => {
    const admin = await platform.account({ permissions: [...permissions] })
    expect((await call(admin, 'GET /account/v1/accounts')).status).toBe(403)
    expect((await call(admin, `GET /account/v1/accounts/${admin.accountId}`)).status).toBe(403)
    expect((await call(admin, 'POST /account/v1/accounts', { name: 'x' })).status).toBe(403)
    expect((await call(admin, `PATCH /account/v1/accounts/${admin.accountId}`, { suspended: false })).status).toBe(403)
  })
})
