import { type IssuedInvitation, permissions } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccountsPlatform, createAccountsPlatform } from '../../../test/accounts-platform.ts'
import type { TestAccount } from '../../../test/test-platform.ts'

let platform: AccountsPlatform
let call: AccountsPlatform['call']
let operator: TestAccount
beforeAll(async () => {
  platform = await createAccountsPlatform()
  call = platform.call
  operator = await platform.account({ operator: true })
})
afterAll(() => platform.close())

const person = { firstName: 'New', lastName: 'Person', password: 'a good password' }
const accept = (token: string, body: object = {}) =>
  call(null, 'POST /account/v1/invitations/accept', { ...person, ...body, token })

describe('users', () => {
  test('are listed, read, renamed and given permissions within their account', async () => {
    const admin = await platform.account()
    const other = await platform.user(admin.accountId, [])
    const path = `/account/v1/users/${other.userId}`
    expect((await call(admin, 'GET /account/v1/users')).body).toHaveLength(2)
    expect((await call(other, 'GET /account/v1/users')).body).toMatchObject({ requiredPermission: 'account:users' })
    const patch = { firstName: 'Ada', permissions: ['account:users'] }
    const changed = await call(admin, `PATCH ${path}`, patch)
    expect(changed).toMatchObject({ status: 200, body: { ...patch, lastName: '', projectIds: [] } })
    expect((await call(admin, `GET ${path}`)).body).toEqual(changed.body)
    expect((await call(other, 'GET /account/v1/users')).status).toBe(200)
    expect(await platform.events(admin.accountId)).toEqual(['user.changed'])
  })

  test('of another account do not exist', async () => {
    const admin = await platform.account()
    const stranger = await platform.account()
    const path = `/account/v1/users/${stranger.userId}`
    expect((await call(admin, `GET ${path}`)).status).toBe(404)
    expect((await call(admin, `PATCH ${path}`, { firstName: 'x' })).status).toBe(404)
    expect((await call(admin, `DELETE ${path}`)).status).toBe(404)
    expect((await call(stranger, `GET ${path}`)).status).toBe(200)
  })

  test.each([{}, { permissions: ['everything'] }, { email: 'x@example.com' }, { firstName: 7 }])(
    'are not changed by %j',
    async (patch) => {
      const admin = await platform.account()
      expect((await call(admin, `PATCH /account/v1/users/${admin.userId}`, patch)).status).toBe(400)
      expect((await call(admin, 'GET /account/v1/users/not-an-id')).status).toBe(400)
    },
  )

  test('cannot be given platform:operate, but by one who holds it', async () => {
    const outside = await platform.account()
    const patch = { permissions: [...permissions] }
    const refused = await call(
      outside,
      `PATCH /account/v1/users/${(await platform.user(outside.accountId, [])).userId}`,
      patch,
    )
    expect(refused).toMatchObject({ status: 403, body: { requiredPermission: 'platform:operate' } })
    const inside = await platform.user(operator.accountId, ['account:users'])
    const path = `/account/v1/users/${inside.userId}`
    expect((await call(inside, `PATCH ${path}`, patch)).status).toBe(403)
    expect((await call(inside, `DELETE /account/v1/users/${operator.userId}`)).status).toBe(403)
    expect((await call(operator, `PATCH ${path}`, patch)).status).toBe(200)
  })

  test('keep at least one who can administer them', async () => {
    const admin = await platform.account({ permissions: ['account:users'] })
    const path = `/account/v1/users/${admin.userId}`
    const last = { status: 409, body: { code: 'last-administrator' } }
    expect(await call(admin, `DELETE ${path}`)).toMatchObject(last)
    expect(await call(admin, `PATCH ${path}`, { permissions: [] })).toMatchObject(last)
    expect((await call(admin, `PATCH ${path}`, { firstName: 'Still' })).status).toBe(200)
    await platform.user(admin.accountId, ['account:users'])
    expect((await call(admin, `DELETE ${path}`)).status).toBe(204)
    expect((await call(admin, `GET ${path}`)).status).toBe(401)
  })

  test('keep one also when the last two remove each other at the same time', async () => {
    for (let round = 0; round < 5; round++) {
      const one = await platform.account({ permissions: ['account:users'] })
      const two = await platform.user(one.accountId, ['account:users'])
      const answers = await Promise.all([
        call(one, `DELETE /account/v1/users/${two.userId}`),
        call(two, `PATCH /account/v1/users/${one.userId}`, { permissions: [] }),
      ])
      expect(answers.filter(({ status }) => status < 300)).toHaveLength(1)
    }
  })
})

describe('an invitation', () => {
  test('makes a user once, with the permissions it names, and shows its token once', async () => {
    const admin = await platform.account()
    const email = `Guest-${admin.userId}@Example.com`
    const invited = await call<IssuedInvitation>(admin, 'POST /account/v1/invitations', {
      email,
      permissions: ['devices:view'],
    })
    expect(invited).toMatchObject({ status: 201, body: { state: 'PENDING', email: email.toLowerCase() } })
    const { token, link, ...shown } = invited.body
    expect(link).toBe(`http://127.0.0.1:8080/invitation#${token}`)
    expect((await call(admin, 'GET /account/v1/invitations')).body).toEqual([shown])
    expect(await call(admin, 'POST /account/v1/invitations', { email, permissions: [] })).toMatchObject({
      status: 409,
      body: { code: 'already-exists' },
    })
    expect((await accept(token, { password: 'short' })).status).toBe(400)
    const answers = await Promise.all([accept(token), accept(token)])
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 404])
    const joined = answers.find(({ status }) => status === 201)
    expect(joined?.body).toMatchObject({ email: email.toLowerCase(), permissions: ['devices:view'], firstName: 'New' })
    expect([...platform.people.people.values()].filter((known) => known.email === email.toLowerCase())).toHaveLength(1)
    expect((await call(admin, 'GET /account/v1/invitations')).body).toEqual([])
    expect((await call(admin, 'POST /account/v1/invitations', { email, permissions: [] })).status).toBe(409)
    expect(await platform.events(admin.accountId)).toEqual(['user.invited', 'user.joined'])
  })

  test('is worth nothing once revoked, expired, or while the account is suspended', async () => {
    const admin = await platform.account()
    const invite = async () => {
      const body = { email: `${crypto.randomUUID()}@example.com`, permissions: [] }
      return (await call<IssuedInvitation>(admin, 'POST /account/v1/invitations', body)).body
    }
    const revoked = await invite()
    const path = `/account/v1/invitations/${revoked.invitationId}`
    expect((await call(operator, `DELETE ${path}`)).status).toBe(404)
    expect((await call(admin, `DELETE ${path}`)).status).toBe(204)
    expect((await call(admin, `DELETE ${path}`)).status).toBe(404)
    expect((await accept(revoked.token)).status).toBe(404)
    const expired = await invite()
    await platform.db
      .updateTable('invitation')
      .set({ expires_at: new Date(Date.now() - 1000).toISOString() })
      .where('invitation_id', '=', expired.invitationId)
      .execute()
    expect((await accept(expired.token)).status).toBe(404)
    expect((await call(admin, 'GET /account/v1/invitations')).body).toMatchObject([{ state: 'EXPIRED' }])
    const again = await call<IssuedInvitation>(admin, 'POST /account/v1/invitations', {
      email: expired.email,
      permissions: [],
    })
    expect(again.status).toBe(201)
    const suspend = (suspended: boolean) =>
      call(operator, `PATCH /account/v1/accounts/${admin.accountId}`, { suspended })
    await suspend(true)
    expect((await accept(again.body.token)).status).toBe(404)
    await suspend(false)
    expect((await accept(again.body.token)).status).toBe(201)
    expect((await accept('made-up')).status).toBe(404)
  })

  test('is worth nothing once its maker, to whom its link was shown, may invite no more', async () => {
    const admin = await platform.account()
    const [leaver, demoted] = [
      await platform.user(admin.accountId, ['account:users']),
      await platform.user(admin.accountId, ['account:users']),
    ]
    const invite = async (by: TestAccount) =>
      (
        await call<IssuedInvitation>(by, 'POST /account/v1/invitations', {
          email: `${crypto.randomUUID()}@example.com`,
          permissions: [],
        })
      ).body
    const [kept, ofLeaver, ofDemoted] = [await invite(admin), await invite(leaver), await invite(demoted)]
    expect((await call(admin, `DELETE /account/v1/users/${leaver.userId}`)).status).toBe(204)
    const path = `/account/v1/users/${demoted.userId}` as const
    expect((await call(admin, `PATCH ${path}`, { permissions: ['account:users', 'apps:view'] })).status).toBe(200)
    expect((await call(admin, 'GET /account/v1/invitations')).body).toHaveLength(2)
    expect((await call(admin, `PATCH ${path}`, { permissions: ['apps:view'] })).status).toBe(200)
    expect((await accept(ofLeaver.token)).status).toBe(404)
    expect((await accept(ofDemoted.token)).status).toBe(404)
    expect((await accept(kept.token)).status).toBe(201)
    expect((await platform.events(admin.accountId)).filter((type) => type === 'invitation.revoked')).toHaveLength(2)
  })

  test('to instance administration ends with its maker’s own, others go on', async () => {
    const maker = await platform.user(operator.accountId, [...permissions])
    const invite = async (given: string[]) =>
      (
        await call<IssuedInvitation>(maker, 'POST /account/v1/invitations', {
          email: `${crypto.randomUUID()}@example.com`,
          permissions: given,
        })
      ).body
    const [operate, view] = [await invite(['platform:operate']), await invite(['apps:view'])]
    const without = { permissions: permissions.filter((permission) => permission !== 'platform:operate') }
    expect((await call(operator, `PATCH /account/v1/users/${maker.userId}`, without)).status).toBe(200)
    expect((await accept(operate.token)).status).toBe(404)
    expect((await accept(view.token)).status).toBe(201)
  })

  test('is not made by who has just been removed, though another process still remembers them', async () => {
    const admin = await platform.account()
    const leaver = await platform.user(admin.accountId, ['account:users', 'account:settings'])
    expect((await call(leaver, 'GET /account/v1/users')).status).toBe(200)
    await platform.db
      .updateTable('account_user')
      .set({ permissions: [] })
      .where('user_id', '=', leaver.userId)
      .execute()
    const refused = { status: 403, body: { code: 'permission-missing' } }
    const invitation = { email: 'back@example.com', permissions: [...permissions].slice(0, 3) }
    expect(await call(leaver, 'POST /account/v1/invitations', invitation)).toMatchObject(refused)
    const own = { permissions: ['account:users', 'account:settings'] }
    expect(await call(leaver, `PATCH /account/v1/users/${leaver.userId}`, own)).toMatchObject(refused)
  })

  test('and other things of an account have a limit', async () => {
    const admin = await platform.account()
    const { accountId, userId } = admin
    await sql`INSERT INTO invitation (account_id, email, permissions, token_hash, invited_by, expires_at)
      SELECT ${accountId}, n || '@example.com', '{}', ${accountId} || n, 'x', now() + interval '1 day' FROM generate_series(1, 1000) n`.execute(
      platform.db,
    )
    await sql`INSERT INTO access_token (account_id, user_id, name, token_hash)
      SELECT ${accountId}, ${userId}, 'x', ${accountId} || n FROM generate_series(1, 99) n`.execute(platform.db)
    await sql`INSERT INTO technical_user (client_id, account_id, name, secret_hash, permissions, whole_account)
      SELECT ${accountId} || n, ${accountId}, 'x', 'x', '{}', true FROM generate_series(1, 1000) n`.execute(platform.db)
    await sql`INSERT INTO project (account_id, name) SELECT ${accountId}, 'P' || n FROM generate_series(1, 10000) n`.execute(
      platform.db,
    )
    const full = { status: 409, body: { code: 'limit-reached' } }
    const invitation = { email: 'one-more@example.com', permissions: [] }
    expect(await call(admin, 'POST /account/v1/invitations', invitation)).toMatchObject(full)
    expect(await call(admin, 'POST /account/v1/access-tokens', { name: 'one more' })).toMatchObject(full)
    expect(await call(admin, 'POST /account/v1/technical-users', { name: 'x', permissions: [] })).toMatchObject(full)
    expect(await call(admin, 'POST /account/v1/projects', { name: 'one more' })).toMatchObject(full)
    await sql`UPDATE access_token SET revoked_at = now() WHERE token_hash = ${`${accountId}1`}`.execute(platform.db)
    expect((await call(admin, 'POST /account/v1/access-tokens', { name: 'one more' })).status).toBe(201)
  })

  test('for an e-mail of another account is told only to who holds its token', async () => {
    const admin = await platform.account()
    const stranger = await platform.account()
    const body = { email: stranger.email, permissions: [] }
    const invited = await call<IssuedInvitation>(admin, 'POST /account/v1/invitations', body)
    expect(invited.status).toBe(201)
    expect(await accept(invited.body.token)).toMatchObject({ status: 409, body: { code: 'already-exists' } })
    expect(await platform.events(admin.accountId)).toEqual(['user.invited'])
  })

  test('needs a permission, an e-mail and permissions that exist', async () => {
    const admin = await platform.account()
    const nobody = await platform.user(admin.accountId, [])
    const good = { email: 'good@example.com', permissions: [] }
    expect((await call(nobody, 'POST /account/v1/invitations', good)).status).toBe(403)
    expect((await call(nobody, 'GET /account/v1/invitations')).status).toBe(403)
    expect((await call(admin, 'POST /account/v1/invitations', { ...good, email: 'no e-mail' })).status).toBe(400)
    expect((await call(admin, 'POST /account/v1/invitations', { ...good, permissions: ['x'] })).status).toBe(400)
    const operate = { ...good, permissions: ['platform:operate'] }
    expect((await call(admin, 'POST /account/v1/invitations', operate)).status).toBe(403)
  })
})
