import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { quickHash } from '../../../test/test-platform.ts'
import { createAccessTokens } from '../../platform/auth/access-token.ts'
import { createBearerAuthentication } from '../../platform/auth/authenticate.ts'
import { openDatabase } from '../../platform/database/database.ts'
import { createApp } from '../../platform/http/create-app.ts'
import { registerRoutes } from '../../platform/http/register-routes.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { accountRoutes } from '../accounts/accounts-routes.ts'
import { ensureFirstAccount } from '../accounts/first-account.ts'
import { userRoutes } from '../users/users-routes.ts'
import { createPeople } from './people.ts'
import { peopleRoutes } from './people-routes.ts'

const publicUrl = 'http://127.0.0.1:8080'
const log = pino({ level: 'silent' })
const password = 'correct horse'
/** More than the ten of one person and network. */
const maxRefusals = 15
const clock = { nowMs: Date.now() }
const nowMs = () => clock.nowMs

async function startPlatform() {
  const database = await createTestDatabase()
  const { db, close } = openDatabase({ ...database, maxConnections: 5, onError: () => {} })
  const bearer = createBearerAuthentication({ db, accessTokens: createAccessTokens(new Uint8Array(32)), nowMs })
  const options = {
    passwordCost: quickHash,
    ...database,
    publicUrl,
    secret: 'x'.repeat(44),
    log,
    db,
    readCaller: bearer.readCaller,
    nowMs,
  }
  const [people, second] = await Promise.all([createPeople(options), createPeople(options)])
  await ensureFirstAccount(
    db,
    { adminEmail: 'boss@example.com', adminPassword: password, clientId: null, clientSecret: null },
    people,
  )
  const app = await createApp({ log, metrics: createMetrics(), rateLimitPerSecond: 0, publicUrl, tls: null })
  const deps = { people, publicUrl, log, nowMs, forget: people.forget, maxRefusals }
  registerRoutes(app, [...peopleRoutes(deps), ...accountRoutes(deps), ...userRoutes(deps)], {
    db,
    authenticate: people.authenticate,
  })
  return {
    app,
    db,
    second,
    async close() {
      await app.close()
      await Promise.all([people.close(), second.close()])
      await close()
      await database.drop()
    },
  }
}

let platform: Awaited<ReturnType<typeof startPlatform>>
beforeAll(async () => {
  platform = await startPlatform()
})
afterAll(() => platform.close())

async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  { body, from, ...headers }: Record<string, unknown> = {},
) {
  const response = await platform.app.inject({
    method,
    url,
    remoteAddress: String(from ?? '127.0.0.1'),
    headers: headers as Record<string, string>,
    ...(body ? { payload: body as object } : {}),
  })
  const cookies = response.cookies.map(({ name, value }) => `${name}=${encodeURIComponent(value)}`).join('; ')
  return { status: response.statusCode, cookies, headers: response.headers, text: response.body }
}

const signIn = (email: string, given: string, from?: string) =>
  call('POST', '/auth/v1/people/sign-in/email', { body: { email, password: given }, from })

describe('a person', () => {
  test('signs in, is known by the cookie to every process, and signs out', async () => {
    const { status, cookies, headers, text } = await signIn('Boss@example.com', password)
    expect([status, JSON.parse(text)]).toEqual([200, { email: 'boss@example.com', name: 'Administrator' }])
    const [cookie] = [headers['set-cookie']].flat()
    expect(cookie).toMatch(/^ocelli\.session_token=.*HttpOnly; SameSite=Lax$/)
    const me = await call('GET', '/account/v1/me', { cookie: cookies })
    expect(JSON.parse(me.text)).toMatchObject({ kind: 'user', user: { email: 'boss@example.com' } })
    expect(await platform.second.authenticate({ headers: { cookie: cookies }, method: 'GET' })).not.toBeNull()
    expect((await call('GET', '/auth/v1/people/get-session', { cookie: cookies })).status).toBe(200)
    const out = await call('POST', '/auth/v1/people/sign-out', { cookie: cookies, origin: publicUrl })
    expect(out.status).toBe(204)
    expect((await call('GET', '/account/v1/me', { cookie: cookies })).status).toBe(401)
    expect((await call('GET', '/auth/v1/people/get-session', { cookie: cookies })).status).toBe(401)
  })

  test('changes something only from a page of ours', async () => {
    const { cookies } = await signIn('boss@example.com', password)
    const rename = (headers: Record<string, string>) =>
      call('PATCH', '/account/v1/account', { cookie: cookies, body: { name: 'Renamed' }, ...headers })
    expect((await rename({})).status).toBe(403)
    expect((await rename({ origin: 'https://evil.example' })).status).toBe(403)
    expect((await rename({ origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' })).status).toBe(403)
    expect((await rename({ 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await rename({ 'sec-fetch-site': 'same-origin' })).status).toBe(200)
    expect((await rename({ origin: 'http://localhost:8080' })).status).toBe(200)
    const foreign = { cookie: cookies, origin: 'https://evil.example' }
    expect((await call('POST', '/auth/v1/people/sign-out', foreign)).status).toBe(403)
    const body = { email: 'boss@example.com', password }
    const elsewhere = { origin: 'https://evil.example', body }
    expect((await call('POST', '/auth/v1/people/sign-in/email', elsewhere)).status).toBe(403)
    expect((await call('POST', '/auth/v1/people/sign-in/email', { origin: publicUrl, body })).status).toBe(200)
  })

  test('is nobody with a cookie that was changed, and without one', async () => {
    const { cookies } = await signIn('boss@example.com', password)
    expect((await call('GET', '/account/v1/me', { cookie: cookies.replace('.', '.x') })).status).toBe(401)
    expect((await call('GET', '/account/v1/me', { cookie: cookies.slice(0, 60) })).status).toBe(401)
    expect((await call('GET', '/account/v1/me')).status).toBe(401)
  })

  test('joins by invitation, changes the password, and cannot sign in once removed', async () => {
    const boss = { cookie: (await signIn('boss@example.com', password)).cookies, origin: publicUrl }
    const email = 'new@example.com'
    const invited = await call('POST', '/account/v1/invitations', { ...boss, body: { email, permissions: [] } })
    const { token } = JSON.parse(invited.text)
    const person = { token, firstName: 'New', lastName: 'Person', password: 'first password' }
    const joined = await call('POST', '/account/v1/invitations/accept', { body: person })
    expect(joined.status).toBe(201)
    const one = await signIn(email, 'first password')
    const other = await signIn(email, 'first password')
    const change = { currentPassword: 'first password', newPassword: 'second password' }
    const path = '/auth/v1/people/change-password'
    const wrong = { ...change, currentPassword: 'wrong password' }
    expect((await call('POST', path, { cookie: one.cookies, origin: publicUrl, body: wrong })).status).toBe(400)
    expect((await call('POST', path, { cookie: one.cookies, origin: publicUrl, body: change })).status).toBe(200)
    expect((await call('GET', '/account/v1/me', { cookie: other.cookies })).status).toBe(401)
    expect((await signIn(email, 'first password')).status).toBe(401)
    const again = await signIn(email, 'second password')
    expect(again.status).toBe(200)
    const { userId } = JSON.parse(joined.text)
    expect((await call('DELETE', `/account/v1/users/${userId}`, boss)).status).toBe(204)
    expect((await call('GET', '/account/v1/me', { cookie: again.cookies })).status).toBe(401)
    await expect.poll(async () => (await signIn(email, 'second password')).status, { timeout: 10_000 }).toBe(401)
  })

  test('is not taken for whoever else’s cookie stands beside the own one', async () => {
    const { cookies } = await signIn('boss@example.com', password)
    const planted = 'ocelli.session_token=planted'
    for (const cookie of [`__Secure-${planted}; ${cookies}`, `${cookies}; ${planted}`, `${planted}; ${cookies}`]) {
      await call('GET', '/account/v1/me', { cookie })
      expect((await call('GET', '/account/v1/me', { cookie: planted })).status).toBe(401)
      expect((await call('GET', '/account/v1/me', { cookie: `__Secure-${planted}` })).status).toBe(401)
    }
  })

  test('waits after ten refusals', async () => {
    for (let i = 0; i < 10; i++) expect((await signIn('who@example.com', 'wrong password')).status).toBe(401)
    const limited = await signIn('who@example.com', 'wrong password')
    expect(limited.status).toBe(429)
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0)
    expect((await signIn('boss@example.com', password)).status).toBe(200)
    clock.nowMs += 300_000
    expect((await signIn('who@example.com', 'wrong password')).status).toBe(401)
    clock.nowMs = Date.now()
  })

  test('has ten guesses, also of thirty that come at once and from other addresses of one network', async () => {
    const guesses = Array.from({ length: 30 }, (_, n) =>
      signIn('many@example.com', 'wrong password', `2001:db8:7:7::${n.toString(16)}`),
    )
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(10)
    expect(statuses.filter((status) => status === 429)).toHaveLength(20)
  })

  test('signs in where it has done so before, whatever others try there or elsewhere', async () => {
    const [home, away] = ['192.0.2.10', '198.51.100.20']
    expect((await signIn('boss@example.com', password, home)).status).toBe(200)
    for (let n = 0; n < maxRefusals; n++) await signIn(`guess${n}@example.com`, 'wrong password', home)
    for (let n = 0; n < maxRefusals; n++) await signIn('boss@example.com', 'wrong password', `203.0.113.${n}`)
    expect((await signIn('guess@example.com', 'wrong password', home)).status).toBe(429)
    expect((await signIn('boss@example.com', password, away)).status).toBe(429)
    expect((await signIn('boss@example.com', password, home)).status).toBe(200)
    clock.nowMs += 300_000
    expect((await signIn('boss@example.com', password, away)).status).toBe(200)
    clock.nowMs = Date.now()
  }, 120_000)
})

test('a sign-in that a crash left without a user opens nothing, and gives way to the invited person', async () => {
  const email = 'crashed@example.com'
  const before = await platform.second.createPerson({ email, password: 'left behind', name: 'Old' })
  const { cookies } = await signIn(email, 'left behind')
  expect((await call('GET', '/account/v1/me', { cookie: cookies })).status).toBe(401)
  const after = await platform.second.createPerson({ email, password: 'the real one', name: 'New' })
  expect(after).not.toBe(before)
  expect((await signIn(email, 'left behind')).status).toBe(401)
  expect((await signIn(email, 'the real one')).status).toBe(200)
  expect((await call('GET', '/auth/v1/people/get-session', { cookie: cookies })).status).toBe(401)
})

test('sessions that have ended are cleared away, and no others', async () => {
  const [ended, good] = [await signIn('boss@example.com', password), await signIn('boss@example.com', password)]
  const token = decodeURIComponent(/session_token=([^;.]+)/.exec(ended.cookies)?.[1] ?? '')
  await sql`UPDATE auth.session SET "expiresAt" = now() - interval '1 minute' WHERE token = ${token}`.execute(
    platform.db,
  )
  await platform.second.sweepSessions()
  const left = await sql`SELECT 1 FROM auth.session WHERE token = ${token}`.execute(platform.db)
  expect(left.rows).toEqual([])
  expect((await call('GET', '/account/v1/me', { cookie: good.cookies })).status).toBe(200)
})

test('nobody can sign up, or reach the rest of the sign-in library', async () => {
  const person = { email: 'x@example.com', password, name: 'X' }
  expect((await call('POST', '/auth/v1/people/sign-up/email', { body: person })).status).toBe(404)
  expect((await call('POST', '/auth/v1/people/update-user', { body: { name: 'X' } })).status).toBe(404)
})

test('the tables of sign-in lie in a schema of their own', async () => {
  const { rows } = await sql`SELECT DISTINCT schemaname::text FROM pg_tables
    WHERE tablename IN ('user', 'session', 'verification')`.execute(platform.db)
  expect(rows).toEqual([{ schemaname: 'auth' }])
})
