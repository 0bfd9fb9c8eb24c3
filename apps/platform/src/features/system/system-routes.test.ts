import { setTimeout as pause } from 'node:timers/promises'
import { type PublicLicenseKey, signLicense, verifyLicense } from '@ocelli/license'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { createTestPlatform, type TestPlatform } from '../../../test/test-platform.ts'
import { openDatabase } from '../../platform/database/database.ts'
import type { Access } from '../../platform/http/route.ts'
import { type LicenseKeys, licenseKeys } from '../../platform/keys/instance-keys.ts'
import { createVault } from '../../platform/keys/master-key.ts'
import { systemRoutes } from './system-routes.ts'

const log = pino({ level: 'silent' })
const caCertificate = '-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n'
const checks: Record<string, () => Promise<void>> = {}
let keys: LicenseKeys
let platform: TestPlatform
let closed: TestPlatform

beforeAll(async () => {
  const platformWith = (metricsAccess: Access) =>
    createTestPlatform(async ({ db, metrics }) => {
      keys = await licenseKeys(db, createVault(Buffer.alloc(32, 7)), Date.now())
      return systemRoutes({
        keys,
        caCertificate,
        registry: metrics.registry,
        metricsAccess,
        checks,
        log,
        checkTimeoutMs: 200,
      })
    })
  closed = await platformWith('platform:operate')
  platform = await platformWith('public')
})
afterAll(() => Promise.all([platform.close(), closed.close()]))

test('is alive and ready while the database answers, and alive but not ready when it does not', async () => {
  const database = await createTestDatabase()
  const { connectionString } = database
  const { db, close } = openDatabase({ connectionString, maxConnections: 1, onError: () => {} })
  checks.database = async () => void (await sql`SELECT 1`.execute(db))
  onTestFinished(async () => {
    delete checks.database
    await close()
  })
  const ready = await platform.call(null, 'GET /health/ready')
  expect(ready).toMatchObject({ status: 200, body: { status: 'ready', checks: { database: 'ok' } } })

  await database.drop()

  const down = await platform.call(null, 'GET /health/ready')
  expect(down).toMatchObject({ status: 503, body: { status: 'not ready', checks: { database: 'failed' } } })
  expect(await platform.call(null, 'GET /health/live')).toMatchObject({ status: 200, body: { status: 'live' } })
})

test('does not wait for ever for a part that hangs', async () => {
  const ending = new AbortController()
  checks.hanging = () => pause(60_000, undefined, { signal: ending.signal })
  onTestFinished(() => {
    delete checks.hanging
    ending.abort()
  })
  const answer = await platform.call(null, 'GET /health/ready')
  ending.abort()
  expect(answer).toMatchObject({ status: 503, body: { checks: { hanging: 'failed' } } })
})

test('measures requests by route and status, for Prometheus', async () => {
  await platform.call(null, 'GET /health/live')
  const answer = await platform.app.inject('/metrics')
  expect(answer.headers['content-type']).toMatch(/^text\/plain; version=/)
  const sample =
    /^ocelli_http_request_duration_seconds_count\{method="GET",route="\/health\/live",status="200"\} [1-9]/m
  expect(answer.body).toMatch(sample)
  for (const name of [
    'ocelli_connected_gateways 0',
    'ocelli_device_reports_applied_total 0',
    'process_cpu_seconds_total',
  ])
    expect(answer.body).toContain(name)
})

test('shows its measurements to the instance administrator alone, where others can reach it', async () => {
  const [operator, customer] = [await closed.account({ operator: true }), await closed.account()]
  const statusFor = async (headers: Record<string, string>) =>
    (await closed.app.inject({ url: '/metrics', headers })).statusCode
  expect(await statusFor({})).toBe(401)
  expect(await statusFor(customer.headers)).toBe(403)
  expect(await statusFor(operator.headers)).toBe(200)
})

test('publishes the keys that its licenses are verified with, and nothing private', async () => {
  const { status, headers, body } = await platform.call<{ keys: PublicLicenseKey[] }>(
    null,
    'GET /.well-known/jwks.json',
  )
  expect(status).toBe(200)
  expect(headers['cache-control']).toBe('public, max-age=300')
  expect(body.keys).toHaveLength(2)
  for (const key of body.keys) {
    expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x'])
    expect(key).toMatchObject({ alg: 'EdDSA', crv: 'Ed25519', kty: 'OKP', use: 'sig' })
  }
  const claims = { jti: 'license', sub: 'CAM', app: 'app', typ: 'FULL' as const, ord: null, iat: 1 }
  const token = await signLicense({ key: keys.signing, claims })
  const verified = await verifyLicense(token, { trust: body.keys, deviceId: 'CAM', appId: 'app', now: new Date() })
  expect(verified).toMatchObject({ valid: true, claims: { jti: 'license' } })
})

test('hands out the certificate of its CA to everybody', async () => {
  const answer = await platform.app.inject('/.well-known/ocelli-ca.pem')
  expect([answer.statusCode, answer.body]).toEqual([200, caCertificate])
  expect(answer.headers['content-disposition']).toContain('ocelli-ca.pem')
})

test('looks at its parts once for all who ask at the same time', async () => {
  let looks = 0
  const held = Promise.withResolvers<void>()
  checks.database = async () => {
    looks += 1
    await held.promise
  }
  onTestFinished(() => void delete checks.database)
  const asked = Array.from({ length: 50 }, () => platform.call(null, 'GET /health/ready'))
  await expect.poll(() => looks, { timeout: 10_000 }).toBe(1)
  held.resolve()
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(asked.map(() => 200))
  expect(looks).toBe(1)
})
