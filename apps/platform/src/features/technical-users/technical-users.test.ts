import type { AccessToken, IssuedAccessToken, IssuedTechnicalUser, Me, Project } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccountsPlatform, createAccountsPlatform } from '../../../test/accounts-platform.ts'
import type { TestAccount } from '../../../test/test-platform.ts'

let platform: AccountsPlatform
let call: AccountsPlatform['call']
let admin: TestAccount
beforeAll(async () => {
  platform = await createAccountsPlatform()
  call = platform.call
  admin = await platform.account()
})
afterAll(() => platform.close())

const path = '/account/v1/technical-users'
const robot = { name: 'Robot', permissions: ['devices:view'] }

async function token(clientId: string, clientSecret: string) {
  const response = await platform.app.inject({
    method: 'POST',
    url: '/auth/v1/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }).toString(),
  })
  return { status: response.statusCode, headers: { authorization: `Bearer ${response.json().access_token}` } }
}

async function project(by: TestAccount, name: string): Promise<string> {
  return (await call<Project>(by, 'POST /account/v1/projects', { name })).body.projectId
}

describe('a technical user', () => {
  test('is made with a secret shown once, gets tokens, a new secret, and is removed', async () => {
    const made = await call<IssuedTechnicalUser>(admin, `POST ${path}`, robot)
    const { clientId, clientSecret, ...rest } = made.body
    expect(rest).toMatchObject({ ...robot, projectIds: null, lastUsedAt: null })
    const machine = await token(clientId, clientSecret)
    expect((await call(machine, 'GET /account/v1/me')).body).toMatchObject({ id: clientId, projectIds: null })
    const listed = (await call(admin, `GET ${path}`)).body
    expect(listed).toMatchObject([{ clientId, lastUsedAt: expect.any(String) }])
    expect(JSON.stringify(listed)).not.toContain('ecret')
    const rotated = await call<IssuedTechnicalUser>(admin, `POST ${path}/${clientId}/secret`)
    expect(rotated.status).toBe(200)
    expect((await token(clientId, clientSecret)).status).toBe(401)
    // whoever has stolen the secret may hold a token of it
    expect((await call(machine, 'GET /account/v1/me')).status).toBe(401)
    const anew = await token(clientId, rotated.body.clientSecret)
    expect((await call(anew, 'GET /account/v1/me')).body).toMatchObject({ id: clientId })
    expect((await call(admin, `DELETE ${path}/${clientId}`)).status).toBe(204)
    expect((await token(clientId, rotated.body.clientSecret)).status).toBe(401)
    expect((await call(anew, 'GET /account/v1/me')).status).toBe(401)
    expect((await call(admin, `DELETE ${path}/${clientId}`)).status).toBe(404)
    expect((await call(admin, `POST ${path}/${clientId}/secret`)).status).toBe(404)
    expect(await platform.events(admin.accountId)).toEqual([
      'technical-user.created',
      'technical-user.changed',
      'technical-user.removed',
    ])
  })

  test('is not made, and given no secret, by who may do so no more, though another process still remembers them', async () => {
    const made = await call<IssuedTechnicalUser>(admin, `POST ${path}`, { ...robot, permissions: [] })
    const leaver = await platform.user(admin.accountId, ['account:settings', 'projects:manage'])
    expect((await call(leaver, `GET ${path}`)).status).toBe(200)
    await platform.db
      .updateTable('account_user')
      .set({ permissions: [] })
      .where('user_id', '=', leaver.userId)
      .execute()
    expect((await call(leaver, `POST ${path}`, { name: 'Back', permissions: [] })).status).toBe(403)
    expect((await call(leaver, `POST ${path}/${made.body.clientId}/secret`)).status).toBe(403)
  })

  test('gets no more than its maker has, neither when made nor by a new secret', async () => {
    const clerk = await platform.user(admin.accountId, ['account:settings', 'projects:manage'])
    const refused = await call(clerk, `POST ${path}`, robot)
    expect(refused).toMatchObject({ status: 403, body: { requiredPermission: 'devices:view' } })
    expect((await call(clerk, `POST ${path}`, { ...robot, permissions: ['account:settings'] })).status).toBe(201)
    const { clientId } = (await call<IssuedTechnicalUser>(admin, `POST ${path}`, robot)).body
    expect((await call(clerk, `POST ${path}/${clientId}/secret`)).status).toBe(403)
  })

  test('sees named projects only, and is named none but those its maker sees', async () => {
    const own = await project(admin, 'Own')
    const other = await project(admin, 'Other')
    const scoped = await call<IssuedTechnicalUser>(admin, `POST ${path}`, { ...robot, projectIds: [own] })
    expect(scoped.body.projectIds).toEqual([own])
    const machine = await token(scoped.body.clientId, scoped.body.clientSecret)
    expect((await call<Me>(machine, 'GET /account/v1/me')).body.projectIds).toEqual([own])
    const clerk = await platform.user(admin.accountId, ['account:settings'])
    expect((await call(admin, `PUT /account/v1/projects/${own}/members/${clerk.userId}`)).status).toBe(204)
    const bare = { name: 'Clerk', permissions: [] }
    expect((await call(clerk, `POST ${path}`, bare)).body).toMatchObject({ requiredPermission: 'projects:manage' })
    expect((await call(clerk, `POST ${path}`, { ...bare, projectIds: [other] })).status).toBe(404)
    expect((await call(clerk, `POST ${path}`, { ...bare, projectIds: [own] })).status).toBe(201)
    const stranger = await platform.account()
    expect((await call(stranger, `POST ${path}`, { ...bare, projectIds: [own] })).status).toBe(404)
    expect((await call(stranger, `GET ${path}`)).body).toEqual([])
  })

  test('of another account does not exist; without permission nothing is told', async () => {
    const { clientId } = (await call<IssuedTechnicalUser>(admin, `POST ${path}`, robot)).body
    const stranger = await platform.account()
    expect((await call(stranger, `DELETE ${path}/${clientId}`)).status).toBe(404)
    expect((await call(stranger, `POST ${path}/${clientId}/secret`)).status).toBe(404)
    const nobody = await platform.user(admin.accountId, [])
    for (const line of [`GET ${path}`, `POST ${path}`, `DELETE ${path}/x`, `POST ${path}/x/secret`] as const) {
      expect(await call(nobody, line)).toMatchObject({ body: { requiredPermission: 'account:settings' } })
    }
    expect((await call(admin, `POST ${path}`, { name: 'x', permissions: ['x'] })).status).toBe(400)
    expect((await call(admin, `POST ${path}`, { ...robot, projectIds: [] })).status).toBe(400)
  })
})

describe('a personal access token', () => {
  const tokens = '/account/v1/access-tokens'

  test('is shown once, holds at most what its owner has, and ends when revoked', async () => {
    const owner = await platform.user(admin.accountId, ['devices:view', 'apps:view'])
    const made = await call<IssuedAccessToken>(owner, `POST ${tokens}`, { name: 'Script', permissions: ['apps:view'] })
    expect(made).toMatchObject({ status: 201, body: { token: expect.stringMatching(/^ocp_/), expiresAt: null } })
    const by = { headers: { authorization: `Bearer ${made.body.token}` } }
    expect((await call<Me>(by, 'GET /account/v1/me')).body.permissions).toEqual(['apps:view'])
    expect((await call<IssuedAccessToken>(by, `POST ${tokens}`, { name: 'Child' })).body.permissions).toEqual([
      'apps:view',
    ])
    const more = { name: 'More', permissions: ['devices:view'] }
    expect((await call(by, `POST ${tokens}`, more)).body).toMatchObject({ requiredPermission: 'devices:view' })
    const listed = (await call<AccessToken[]>(owner, `GET ${tokens}`)).body
    expect(listed.map(({ name }) => name)).toEqual(['test', 'Script', 'Child'])
    const { tokenId } = made.body
    expect((await call(admin, `DELETE ${tokens}/${tokenId}`)).status).toBe(404)
    expect((await call(owner, `DELETE ${tokens}/${tokenId}`)).status).toBe(204)
    expect((await call(by, 'GET /account/v1/me')).status).toBe(401)
    expect((await call(owner, `DELETE ${tokens}/${tokenId}`)).status).toBe(404)
  })

  test('made with a token does not outlive it', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
    const owner = await platform.user(admin.accountId, [], { expiresAt })
    expect((await call(owner, `POST ${tokens}`, { name: 'For ever' })).status).toBe(400)
    const later = new Date(Date.now() + 7_200_000).toISOString()
    expect((await call(owner, `POST ${tokens}`, { name: 'Longer', expiresAt: later })).status).toBe(400)
    expect((await call(owner, `POST ${tokens}`, { name: 'As long', expiresAt })).status).toBe(201)
    const past = '2020-01-01T00:00:00Z'
    expect((await call(admin, `POST ${tokens}`, { name: 'Past', expiresAt: past })).status).toBe(400)
    expect((await call(admin, `POST ${tokens}`, { name: 'Odd', expiresAt: 'soon' })).status).toBe(400)
  })

  test('is not made with one that was revoked, though another process still remembers it; its event names the one it was made with', async () => {
    const owner = await platform.user(admin.accountId, [])
    const child = await call<IssuedAccessToken>(owner, `POST ${tokens}`, { name: 'Child' })
    const { rows } = await sql<{ madeWith: string }>`SELECT data->>'madeWith' AS "madeWith" FROM event
      WHERE type = 'token.created' AND data->>'tokenId' = ${child.body.tokenId}`.execute(platform.db)
    const listed = (await call<AccessToken[]>(owner, `GET ${tokens}`)).body
    expect(listed.find(({ name }) => name === 'test')?.tokenId).toBe(rows[0]?.madeWith)
    await sql`UPDATE access_token SET revoked_at = now() WHERE token_id = ${rows[0]?.madeWith}`.execute(platform.db)
    expect((await call(owner, 'GET /account/v1/me')).status).toBe(200)
    expect((await call(owner, `POST ${tokens}`, { name: 'Too late' })).status).toBe(401)
  })

  test('is nothing for machines', async () => {
    const { clientId, clientSecret } = (await call<IssuedTechnicalUser>(admin, `POST ${path}`, robot)).body
    const machine = await token(clientId, clientSecret)
    expect((await call(machine, `GET ${tokens}`)).status).toBe(403)
    expect((await call(machine, `POST ${tokens}`, { name: 'x' })).status).toBe(403)
  })
})
