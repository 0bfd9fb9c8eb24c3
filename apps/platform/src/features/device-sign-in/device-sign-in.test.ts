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
import { authTokenRoutes } from '../auth-token/auth-token-routes.ts'
import { createPeople } from '../sign-in/people.ts'
import { peopleRoutes } from '../sign-in/people-routes.ts'
import { deviceSignInRoutes } from './device-sign-in-routes.ts'
import { exchangeDeviceCode } from './device-sign-in-service.ts'

const publicUrl = 'http://127.0.0.1:8080'
const password = 'correct horse'
const clock = { nowMs: Date.now() }
const nowMs = () => clock.nowMs

async function startPlatform() {
  const log = pino({ level: 'silent' })
  const database = await createTestDatabase()
  const { db, close } = openDatabase({ ...database, maxConnections: 5, onError: () => {} })
  const accessTokens = createAccessTokens(new Uint8Array(32))
  const bearer = createBearerAuthentication({ db, accessTokens, nowMs })
  const people = await createPeople({
    ...{ ...database, publicUrl, secret: 'x'.repeat(44), log, db, readCaller: bearer.readCaller, nowMs },
    passwordCost: quickHash,
  })
  const account = { adminEmail: 'boss@example.com', adminPassword: password, clientId: null, clientSecret: null }
  await ensureFirstAccount(db, account, people)
  const app = await createApp({ log, metrics: createMetrics(), rateLimitPerSecond: 0, publicUrl, tls: null })
  const deps = { people, publicUrl, log, nowMs, forget: people.forget, accessTokens, exchangeDeviceCode }
  const routes = [...peopleRoutes(deps), ...accountRoutes(deps), ...authTokenRoutes(deps), ...deviceSignInRoutes(deps)]
  registerRoutes(app, routes, {
    db,
    authenticate: async (request) => (await bearer.authenticate(request)) ?? (await people.authenticate(request)),
  })
  return {
    ...{ app, db },
    async close() {
      await app.close()
      await people.close()
      await close()
      await database.drop()
    },
  }
}

let platform: Awaited<ReturnType<typeof startPlatform>>
let session: Record<string, string>
beforeAll(async () => {
  platform = await startPlatform()
  const answer = await platform.app.inject({
    ...{ method: 'POST', url: '/auth/v1/people/sign-in/email', payload: { email: 'boss@example.com', password } },
  })
  const cookie = answer.cookies.map(({ name, value }) => `${name}=${encodeURIComponent(value)}`).join('; ')
  session = { cookie, origin: publicUrl }
})
afterAll(() => platform.close())

async function form(url: string, fields: Record<string, string>) {
  const answer = await platform.app.inject({
    ...{ method: 'POST', url, payload: new URLSearchParams(fields).toString() },
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  return { status: answer.statusCode, body: answer.json() }
}

const begin = async (name = 'ocelli on desk') =>
  (await form('/auth/v1/device-authorization', { client_name: name })).body as {
    device_code: string
    user_code: string
  }

const grant = 'urn:ietf:params:oauth:grant-type:device_code'
const ask = (device_code: string) => form('/auth/v1/token', { grant_type: grant, device_code })

async function person(
  method: 'GET' | 'POST',
  code: string,
  more: { path?: string; headers?: Record<string, string> } = {},
) {
  const url = `/auth/v1/device-authorization/${encodeURIComponent(code)}${more.path ?? ''}`
  const answer = await platform.app.inject({ method, url, headers: more.headers ?? session })
  return { status: answer.statusCode, body: answer.json() }
}

/** As if the program had waited. */
const pass = () => sql`UPDATE sign_in_request SET last_polled_at = now() - interval '5 seconds'`.execute(platform.db)

describe('a program that asks to be signed in', () => {
  test('gets a code for itself and one for the person, and waits', async () => {
    const answer = await form('/auth/v1/device-authorization', {})
    expect(answer).toMatchObject({ status: 200, body: { interval: 5, expires_in: 600 } })
    expect(answer.body.user_code).toMatch(/^[BCDFGHJ-NP-TV-XZ]{4}-[BCDFGHJ-NP-TV-XZ]{4}$/)
    expect(answer.body.verification_uri_complete).toBe(`${publicUrl}/device?code=${answer.body.user_code}`)
    const stored = await platform.db.selectFrom('sign_in_request').selectAll().execute()
    expect(JSON.stringify(stored)).not.toContain(answer.body.device_code)
    expect(await ask(answer.body.device_code)).toMatchObject({ status: 400, body: { error: 'authorization_pending' } })
  })

  test('that asks too often is told to slow down', async () => {
    const { device_code } = await begin()
    await ask(device_code)
    expect(await ask(device_code)).toMatchObject({ status: 400, body: { error: 'slow_down' } })
    await pass()
    expect((await ask(device_code)).body.error).toBe('authorization_pending')
  })

  test('gets a token of the person that approves, once, and the person can see and revoke it', async () => {
    const { device_code, user_code } = await begin('ocelli on\u202e \n desk')
    expect(await person('GET', user_code.toLowerCase().replace('-', ''))).toMatchObject({
      ...{ status: 200, body: { clientName: 'ocelli on desk', state: 'PENDING', userCode: user_code } },
    })
    expect(await person('POST', user_code, { path: '/approve' })).toMatchObject({ body: { state: 'APPROVED' } })
    const [first, second] = await Promise.all([ask(device_code), ask(device_code)])
    const answers = [first, second].sort((a, b) => a.status - b.status)
    expect(answers[0]).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 90 * 86_400 } })
    expect(answers[1]).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    const { access_token: token, token_id: tokenId } = answers[0]?.body ?? {}
    const headers = { authorization: `Bearer ${token}` }
    const me = await platform.app.inject({ url: '/account/v1/me', headers })
    expect(me.json()).toMatchObject({ kind: 'user', user: { email: 'boss@example.com' } })
    const made = await platform.db
      .selectFrom('event')
      .select(['type', 'data'])
      .where('type', '=', 'token.created')
      .execute()
    expect(made.map(({ data }) => (data as { tokenId: string }).tokenId)).toContain(tokenId)
  })

  test('that is refused gets nothing, and is told so once', async () => {
    const { device_code, user_code } = await begin()
    expect(await person('POST', user_code, { path: '/deny' })).toMatchObject({ body: { state: 'DENIED' } })
    expect(await person('POST', user_code, { path: '/approve' })).toMatchObject({ status: 409 })
    expect(await ask(device_code)).toMatchObject({ body: { error: 'access_denied' } })
    expect(await ask(device_code)).toMatchObject({ body: { error: 'invalid_grant' } })
  })

  test('has ten minutes', async () => {
    const { device_code, user_code } = await begin()
    await sql`UPDATE sign_in_request SET expires_at = now()`.execute(platform.db)
    expect(await person('POST', user_code, { path: '/approve' })).toMatchObject({ status: 404 })
    expect(await ask(device_code)).toMatchObject({ body: { error: 'expired_token' } })
    await begin()
    expect(await ask(device_code)).toMatchObject({ body: { error: 'invalid_grant' } })
  })

  test('of a person who is removed meanwhile gets nothing', async () => {
    const { device_code, user_code } = await begin()
    await person('POST', user_code, { path: '/approve' })
    await sql`DELETE FROM sign_in_request WHERE user_code = ${user_code.replace('-', '')}`.execute(platform.db)
    expect(await ask(device_code)).toMatchObject({ body: { error: 'invalid_grant' } })
    expect(await ask('')).toMatchObject({ body: { error: 'invalid_request' } })
  })
})

describe('the person who decides', () => {
  test('must have a session: a token makes no other token, and another page cannot decide', async () => {
    const { device_code, user_code } = await begin()
    await person('POST', user_code, { path: '/approve' })
    const authorization = `Bearer ${(await ask(device_code)).body.access_token}`
    const next = await begin()
    const wrong: Record<string, string>[] = [
      {},
      { authorization },
      { ...session, authorization },
      { ...session, origin: 'https://evil.example' },
    ]
    for (const headers of wrong) {
      const { status } = await person('POST', next.user_code, { path: '/approve', headers })
      expect([401, 403]).toContain(status)
    }
    expect((await ask(next.device_code)).body.error).toBe('authorization_pending')
  })

  test('may mistype ten times in five minutes', async () => {
    clock.nowMs += 300_000
    for (let number = 0; number < 10; number++) expect(await person('GET', 'BBBB-BBBB')).toMatchObject({ status: 404 })
    expect(await person('GET', 'BBBB-BBBB')).toMatchObject({ status: 429, body: { retryAfterSeconds: 300 } })
    clock.nowMs += 300_000
    expect(await person('GET', 'BBBB-BBBB')).toMatchObject({ status: 404 })
  })

  test('cannot be made to decide, sign in or sign out by another site: what browsers send without asking is refused', async () => {
    const { device_code, user_code } = await begin()
    const decide = `/auth/v1/device-authorization/${user_code}/approve`
    for (const foreign of [{ origin: 'https://evil.example' }, { origin: 'null' }, {}]) {
      for (const url of [decide, '/auth/v1/people/sign-out', '/auth/v1/people/sign-in/email']) {
        const payload = url.endsWith('email') ? { email: 'boss@example.com', password } : undefined
        const headers = { cookie: session.cookie ?? '', ...foreign }
        const answer = await platform.app.inject({ method: 'POST', url, headers, payload })
        expect({ url, foreign, status: answer.statusCode }).toEqual({ url, foreign, status: 403 })
      }
    }
    expect((await ask(device_code)).body.error).toBe('authorization_pending')
  })
})
