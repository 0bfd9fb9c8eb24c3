import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccountsPlatform, createAccountsPlatform } from '../../../test/accounts-platform.ts'
import { quickHash, type TestAccount } from '../../../test/test-platform.ts'
import { hashChosenClientSecret } from '../technical-users/client-secret.ts'

let platform: AccountsPlatform
let operator: TestAccount
beforeAll(async () => {
  platform = await createAccountsPlatform()
  operator = await platform.account({ operator: true })
})
afterAll(() => platform.close())

async function ask(form: Record<string, string> | string, headers: Record<string, string> = {}) {
  const response = await platform.app.inject({
    method: 'POST',
    url: '/auth/v1/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  })
  return { status: response.statusCode, headers: response.headers, body: response.json() }
}

const grant = { grant_type: 'client_credentials' }
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

async function machine(secret = `s3cret+${randomUUID()} %`): Promise<{ clientId: string; secret: string }> {
  const clientId = `robot-${randomUUID()}`
  await platform.db
    .insertInto('technical_user')
    .values({
      client_id: clientId,
      account_id: operator.accountId,
      name: 'Robot',
      secret_hash: await hashChosenClientSecret(secret, quickHash),
      permissions: ['devices:view', 'apps:install'],
      whole_account: true,
    })
    .execute()
  return { clientId, secret }
}

describe('a technical user gets a token', () => {
  test('by secret in the form, good for ten minutes, listing its permissions, and can use it', async () => {
    const { clientId, secret } = await machine()
    const { status, headers, body } = await ask({ ...grant, client_id: clientId, client_secret: secret })
    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 600,
      scope: 'devices:view apps:install',
    })
    expect(headers['cache-control']).toBe('no-store')
    const me = await platform.call({ headers: { authorization: `Bearer ${body.access_token}` } }, 'GET /account/v1/me')
    expect(me.body).toMatchObject({ kind: 'technical-user', id: clientId, account: { accountId: operator.accountId } })
    const row = await platform.db
      .selectFrom('technical_user')
      .select('last_used_at')
      .where('client_id', '=', clientId)
      .executeTakeFirstOrThrow()
    expect(row.last_used_at).not.toBeNull()
  })

  test('by HTTP Basic, form-encoded as the standard says and plain as curl does', async () => {
    const { clientId, secret } = await machine()
    expect((await ask(grant, basic(clientId, secret))).status).toBe(200)
    const encoded = new URLSearchParams({ s: secret }).toString().slice(2)
    expect((await ask(grant, basic(clientId, encoded))).status).toBe(200)
  })

  test.each([
    ['no grant_type', {}, 400, 'invalid_request'],
    ['another grant_type', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['no client', grant, 401, 'invalid_client'],
    ['an unknown client', { ...grant, client_id: 'nobody', client_secret: 'x' }, 401, 'invalid_client'],
    ['a repeated parameter', 'grant_type=client_credentials&grant_type=client_credentials', 400, 'invalid_request'],
    ['an assertion of no known type', { ...grant, client_assertion: 'x' }, 400, 'invalid_request'],
  ])('and with %s is refused in the words of RFC 6749', async (_, form, status, error) => {
    const answer = await ask(form as Record<string, string>)
    expect(answer).toMatchObject({ status, body: { error, error_description: expect.any(String) } })
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.headers['www-authenticate']).toBe(status === 401 ? 'Basic realm="ocelli"' : undefined)
  })

  test('but not by a wrong secret, in two ways at once, from JSON, or with a scope that it does not hold', async () => {
    const { clientId, secret } = await machine()
    expect(await ask({ ...grant, client_id: clientId, client_secret: 'wrong' })).toMatchObject({ status: 401 })
    expect(await ask({ ...grant, client_id: clientId, client_secret: secret }, basic(clientId, secret))).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    })
    const json = JSON.stringify({ ...grant, client_id: clientId, client_secret: secret })
    expect(await ask(json, { 'content-type': 'application/json' })).toMatchObject({ status: 400 })
    const form = { ...grant, client_id: clientId, client_secret: secret }
    expect(await ask({ ...form, scope: 'devices:view' })).toMatchObject({ status: 200 })
    expect(await ask({ ...form, scope: 'devices:edit' })).toMatchObject({ body: { error: 'invalid_scope' } })
  })

  test('no more once it was removed or its account suspended', async () => {
    const { clientId, secret } = await machine()
    const suspended = await platform.account()
    const form = { ...grant, client_id: clientId, client_secret: secret }
    await platform.db
      .updateTable('technical_user')
      .set({ account_id: suspended.accountId })
      .where('client_id', '=', clientId)
      .execute()
    expect((await ask(form)).status).toBe(200)
    const path = `/account/v1/accounts/${suspended.accountId}`
    expect((await platform.call(operator, `PATCH ${path}`, { suspended: true })).status).toBe(200)
    expect((await ask(form)).status).toBe(401)
    expect((await platform.call(operator, `PATCH ${path}`, { suspended: false })).status).toBe(200)
    expect((await ask(form)).status).toBe(200)
    await platform.db
      .updateTable('technical_user')
      .set({ revoked_at: new Date().toISOString() })
      .where('client_id', '=', clientId)
      .execute()
    expect((await ask(form)).status).toBe(401)
  })

  test('not after ten refusals, even with the right secret, until a minute has passed', async () => {
    const { clientId, secret } = await machine()
    const form = { ...grant, client_id: clientId, client_secret: secret }
    for (let i = 0; i < 10; i++) expect((await ask({ ...form, client_secret: 'wrong' })).status).toBe(401)
    const limited = await ask(form)
    expect(limited).toMatchObject({ status: 429, body: { error: 'temporarily_unavailable' } })
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0)
    const other = await machine()
    expect((await ask({ ...grant, client_id: other.clientId, client_secret: other.secret })).status).toBe(200)
    platform.clock.nowMs = platform.nowMs() + 60_000
    expect((await ask(form)).status).toBe(200)
  })
})

describe('a gateway gets a token', () => {
  let gatewayId: string
  let privateKey: CryptoKey
  beforeAll(async () => {
    platform.clock.nowMs = null
    const pair = await generateKeyPair('ES256')
    privateKey = pair.privateKey
    const { site_id } = await platform.db
      .insertInto('site')
      .values({ account_id: operator.accountId, name: 'Local' })
      .returning('site_id')
      .executeTakeFirstOrThrow()
    const row = await platform.db
      .insertInto('gateway')
      .values({
        account_id: operator.accountId,
        site_id,
        name: 'Gateway',
        public_key: JSON.stringify(await exportJWK(pair.publicKey)),
        certificate_serial: '1',
        certificate_expires_at: '2100-01-01T00:00:00Z',
      })
      .returning('gateway_id')
      .executeTakeFirstOrThrow()
    gatewayId = row.gateway_id
  })

  interface Claims {
    iss?: string
    sub?: string
    aud?: string
    jti?: string | null
    expiresIn?: number
    key?: CryptoKey
  }
  async function assertion(claims: Claims = {}): Promise<string> {
    const issuedAt = Math.floor(platform.nowMs() / 1000)
    const jwt = new SignJWT(claims.jti === null ? {} : { jti: claims.jti ?? randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(claims.iss ?? gatewayId)
      .setSubject(claims.sub ?? gatewayId)
      .setAudience(claims.aud ?? 'urn:ocelli:platform')
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + (claims.expiresIn ?? 300))
    return await jwt.sign(claims.key ?? privateKey)
  }
  const present = (signed: string) =>
    ask({
      ...grant,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: signed,
    })

  test('for an assertion signed by its key, which counts once', async () => {
    const signed = await assertion()
    const { status, body } = await present(signed)
    expect(status).toBe(200)
    expect(await platform.accessTokens.verify(body.access_token)).toEqual({ kind: 'gateway', id: gatewayId })
    expect(await present(signed)).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    expect((await present(await assertion())).status).toBe(200)
  })

  test('with a clock that is up to a minute off', async () => {
    expect((await present(await assertion({ expiresIn: 355 }))).status).toBe(200)
    expect((await present(await assertion({ expiresIn: -55 }))).status).toBe(200)
  })

  test.each<[string, Claims | 'other key']>([
    ['lives too long', { expiresIn: 400 }],
    ['has expired', { expiresIn: -65 }],
    ['is for another audience', { aud: 'urn:example' }],
    ['speaks for another', { sub: randomUUID() }],
    ['comes from an unknown gateway', { iss: randomUUID() }],
    ['comes from something that is no gateway id', { iss: 'gateway', sub: 'gateway' }],
    ['has no jti', { jti: null }],
    ['is signed by another key', 'other key'],
  ])('but not for an assertion that %s', async (_, claims) => {
    const key = claims === 'other key' ? (await generateKeyPair('ES256')).privateKey : undefined
    const answer = await present(await assertion(claims === 'other key' ? { ...(key ? { key } : {}) } : claims))
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    // its own failures must not lock the gateway of the other tests out
    platform.clock.nowMs = platform.nowMs() + 61_000
  })

  test('and while its certificate ended no more than 90 days ago', async () => {
    const endedDaysAgo = (days: number) =>
      sql`UPDATE gateway SET certificate_expires_at = now() - ${days} * interval '1 day' WHERE gateway_id = ${gatewayId}`.execute(
        platform.db,
      )
    await endedDaysAgo(89)
    expect((await present(await assertion())).status).toBe(200)
    await endedDaysAgo(91)
    expect(await present(await assertion())).toMatchObject({
      ...{
        status: 401,
        body: { error: 'invalid_client', error_description: expect.stringContaining('Enroll it again') },
      },
    })
    await endedDaysAgo(-300)
  })

  test('but not for what is no JWT, and no more once it was revoked', async () => {
    expect((await present('x.y.z')).status).toBe(401)
    await platform.db
      .updateTable('gateway')
      .set({ revoked_at: new Date().toISOString() })
      .where('gateway_id', '=', gatewayId)
      .execute()
    expect((await present(await assertion())).status).toBe(401)
  })
})
