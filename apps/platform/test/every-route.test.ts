import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acceptPackages } from '../src/features/apps/package-upload.ts'
import { createPeople, type People } from '../src/features/sign-in/people.ts'
import { createAccessTokens } from '../src/platform/auth/access-token.ts'
import { openBlobStore } from '../src/platform/blob-store/blob-store.ts'
import { createCertificateAuthority } from '../src/platform/ca/certificate-authority.ts'
import { licenseKeys } from '../src/platform/keys/instance-keys.ts'
import { createVault } from '../src/platform/keys/master-key.ts'
import { createMetrics } from '../src/platform/metrics.ts'
import { platformRoutes } from '../src/platform-routes.ts'
import { addDevice, addOrder, publishApp } from './installation-fixture.ts'
import { createTestPlatform, noLimits, type TestAccount, type TestPlatform } from './test-platform.ts'

interface JsonSchema {
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  format?: string
  pattern?: string
  description?: string
  minLength?: number
  minimum?: number
  minItems?: number
  minProperties?: number
  items?: JsonSchema
  anyOf?: JsonSchema[]
  properties?: Record<string, JsonSchema>
  required?: string[]
  $ref?: string
}
interface Operation {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  access: string
  body: JsonSchema | null
  bodyType: string
}

let platform: TestPlatform
let people: People
let folder: string
let operations: Operation[]
let schemas: Record<string, JsonSchema>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-routes-'))
  const log = pino({ level: 'silent' })
  platform = await createTestPlatform(async ({ db, bearer, connectionString }) => {
    const vault = createVault(randomBytes(32))
    const publicUrl = 'http://127.0.0.1'
    people = await createPeople({
      ...{
        connectionString,
        publicUrl,
        secret: 'x'.repeat(40),
        log,
        db,
        readCaller: bearer.readCaller,
        nowMs: Date.now,
      },
    })
    return platformRoutes({
      ...{ db, log, people, publicUrl, metrics: createMetrics(), nowMs: Date.now },
      blobs: await openBlobStore({ blobUrl: null, folder, nowMs: Date.now }),
      ca: await createCertificateAuthority(db, vault, Date.now),
      keys: await licenseKeys(db, vault, Date.now()),
      accessTokens: createAccessTokens(new Uint8Array(32)),
      authenticate: bearer.authenticate,
      forget: bearer.forget,
      linkKey: randomBytes(32),
      mqttUrl: 'mqtts://127.0.0.1:8883',
      mqttWebSocketUrl: 'ws://127.0.0.1/mqtt',
      metricsAccess: 'platform:operate',
      checks: {},
      wake: () => {},
      wakeRollouts: () => {},
      tellShares: () => {},
      unassigned: () => {},
      disconnect: () => {},
      closing: AbortSignal.timeout(600_000),
      ...noLimits,
    })
  }, acceptPackages)
  const document = platform.app.swagger() as unknown as {
    paths: Record<
      string,
      Record<string, { 'x-ocelli-access'?: string; requestBody?: { content: Record<string, { schema: JsonSchema }> } }>
    >
    components: { schemas: Record<string, JsonSchema> }
  }
  schemas = document.components.schemas
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const [bodyType = 'application/json', content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? []
      return {
        method: method.toUpperCase() as Operation['method'],
        path,
        access: operation['x-ocelli-access'] ?? 'undeclared',
        body: content?.schema ?? null,
        bodyType,
      }
    }),
  )
}, 60_000)
afterAll(async () => {
  await platform?.close()
  await people?.close()
  await rm(folder, { recursive: true, force: true })
})

/** The least that a schema takes. */
function sample(schema: JsonSchema): unknown {
  if (schema.$ref) return sample(schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {})
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  if (schema.anyOf?.[0]) return sample(schema.anyOf[0])
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  switch (type) {
    case 'object': {
      const names = schema.required ?? []
      const wanted =
        names.length === 0 && schema.minProperties ? Object.keys(schema.properties ?? {}).slice(0, 1) : names
      return Object.fromEntries(wanted.map((name) => [name, sample(schema.properties?.[name] ?? {})]))
    }
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sample(schema.items ?? {}))
    case 'integer':
      return schema.minimum ?? 1
    case 'boolean':
      return true
    case 'string':
      if (schema.format === 'uuid') return randomUUID()
      if (schema.format === 'email') return `${randomUUID()}@example.com`
      if (schema.format === 'date-time') return '2026-01-01T00:00:00Z'
      if (schema.description?.includes('compact JWE')) return 'head..iv.text.tag'
      return 'xxxxxxxxxxxxxxxxxxxxxxxx'.slice(0, Math.max(3, schema.minLength ?? 3))
    default:
      return {}
  }
}

async function call(
  { method, path, body, bodyType }: Operation,
  params: Record<string, string>,
  by: TestAccount | null,
) {
  const url = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? 'unknown'))
  const isJson = bodyType === 'application/json'
  const answer = await platform.app.inject({
    method,
    url,
    headers: { ...(by?.headers ?? {}), ...(body && !isJson ? { 'content-type': bodyType } : {}) },
    ...(body ? { payload: isJson ? (sample(body) as object) : 'x=1' } : {}),
  })
  return { status: answer.statusCode, body: answer.body }
}

const isGuarded = ({ access }: Operation) => access !== 'public'
const named = ({ method, path }: Operation) => `${method} ${path}`

describe('every route of the OpenAPI document', () => {
  it('declares who may call it', () => {
    expect(operations.length).toBeGreaterThan(60)
    expect(operations.filter(({ access }) => access === 'undeclared').map(named)).toEqual([])
    const open = operations
      .filter(({ access }) => access === 'public')
      .map(named)
      .sort()
    expect(open).toMatchSnapshot()
  })

  it('refuses who is not signed in, before anything else', async () => {
    const wrong: string[] = []
    for (const operation of operations.filter(isGuarded)) {
      const { status } = await call(operation, {}, null)
      if (status !== 401) wrong.push(`${named(operation)} ${status}`)
    }
    expect(wrong).toEqual([])
  })

  it('names the missing permission, before it tells whether something exists', async () => {
    const nobody = await platform.account({ permissions: [] })
    const wrong: string[] = []
    for (const operation of operations.filter(({ access }) => access.includes(':'))) {
      const { status, body } = await call(operation, {}, nobody)
      if (status !== 403 || JSON.parse(body).requiredPermission !== operation.access)
        wrong.push(`${named(operation)} ${status}`)
    }
    for (const operation of operations.filter(({ access }) => access === 'gateway')) {
      const { status } = await call(operation, {}, nobody)
      if (status !== 403) wrong.push(`${named(operation)} ${status}`)
    }
    expect(wrong).toEqual([])
  })

  it('hides the objects of another account and leaves them as they are', async () => {
    const owner = await platform.account()
    const { accountId } = owner
    const device = await addDevice(platform.db, accountId)
    const appId = `com.example.${randomUUID().slice(0, 8)}`
    await publishApp(platform.db, { accountId, appId, versions: [1] })
    const orderId = await addOrder(platform.db, { accountId, appId, total: 3 })
    const { license_id: licenseId } = await platform.db
      .insertInto('license')
      .values({
        account_id: accountId,
        app_id: appId,
        device_id: device.deviceId,
        license_type: 'FULL',
        order_id: orderId,
        state: 'RESERVED',
      })
      .returning('license_id')
      .executeTakeFirstOrThrow()
    const { project_id: projectId } = await platform.db
      .insertInto('project')
      .values({ account_id: accountId, name: 'Project' })
      .returning('project_id')
      .executeTakeFirstOrThrow()
    const { token_id: tokenId } = await platform.db
      .selectFrom('access_token')
      .select('token_id')
      .where('user_id', '=', owner.userId)
      .executeTakeFirstOrThrow()
    const { package_id: packageId } = await platform.db
      .selectFrom('app_package')
      .select('package_id')
      .where('app_id', '=', appId)
      .executeTakeFirstOrThrow()
    const clientId = `client-${randomUUID()}`
    await platform.db
      .insertInto('technical_user')
      .values({
        client_id: clientId,
        account_id: accountId,
        name: 'n',
        secret_hash: 'x',
        permissions: [],
        whole_account: true,
      })
      .execute()
    const { invitation_id: invitationId } = await platform.db
      .insertInto('invitation')
      .values({
        account_id: accountId,
        email: `${randomUUID()}@example.com`,
        permissions: [],
        token_hash: randomUUID(),
        invited_by: owner.userId,
        expires_at: '2030-01-01T00:00:00Z',
      })
      .returning('invitation_id')
      .executeTakeFirstOrThrow()
    // one id for both kinds of key, since both routes call it keyId
    const keyId = `key-${randomUUID()}`
    await platform.db
      .insertInto('maker_key')
      .values({ app_id: appId, key_id: keyId, public_key: '{}', added_by: owner.userId })
      .execute()
    await platform.db
      .insertInto('signing_key')
      .values({ key_id: keyId, account_id: accountId, user_id: owner.userId, name: 'laptop', public_key: '{}' })
      .execute()
    const bundleId = randomUUID()
    await platform.db
      .insertInto('bundle')
      .values({
        bundle_id: bundleId,
        account_id: accountId,
        manifest: 'm',
        key_certificate: 'c',
        root_thumbprint: 'r',
        packages: '[]',
        outcomes: '[]',
        created_by: owner.userId,
        expires_at: '2030-01-01T00:00:00Z',
      })
      .execute()
    const third = await platform.account()
    const { transfer_id: transferId } = await platform.db
      .insertInto('device_transfer')
      .values({
        from_account_id: accountId,
        to_account_id: third.accountId,
        device_id: device.deviceId,
        with_licenses: false,
      })
      .returning('transfer_id')
      .executeTakeFirstOrThrow()
    const made = await platform.app.inject({
      method: 'POST',
      url: '/software/v1/rollouts',
      headers: owner.headers,
      payload: {
        name: 'Rollout',
        action: 'INSTALL',
        appId,
        licenseType: 'FULL',
        devices: { deviceIds: [device.deviceId] },
        requireApproval: true,
      },
    })
    const { rolloutId } = made.json()
    const batchId = randomUUID()
    for (const kind of ['CLAIM', 'CREDENTIALS']) {
      await sql`INSERT INTO camera_login (batch_id, position, account_id, gateway_id, kind, requested_by, address, device_id, sealed)
        VALUES (${batchId}, 0, ${accountId}, ${device.gatewayId}, ${kind}, 'owner', 'a', ${device.deviceId}, 's')`.execute(
        platform.db,
      )
    }
    const params = {
      batchId,
      transferId,
      rolloutId,
      keyId,
      bundleId,
      ...{
        deviceId: device.deviceId,
        siteId: device.siteId,
        gatewayId: device.gatewayId,
        appId,
        orderId,
        licenseId,
        projectId,
      },
      ...{
        tokenId,
        packageId,
        clientId,
        invitationId,
        userId: owner.userId,
        version: '1.0.1',
        runningState: 'RUNNING',
        accountId,
      },
    }
    const rowsBefore = await rowsOf(accountId)
    const stranger = await platform.account()
    const wrong: string[] = []
    for (const operation of operations.filter(
      // a program that asks to be signed in belongs to no account until somebody approves it
      (item) =>
        isGuarded(item) && item.access !== 'gateway' && item.path.includes('{') && !item.path.includes('{userCode}'),
    )) {
      const { status, body } = await call(operation, params, stranger)
      // making a license for a device id that is another account's neither claims nor blocks it; its list is empty
      const isEmptyList = status === 200 && body === '[]'
      const needsOperator = operation.access === 'platform:operate' && status === 403
      if (status !== 404 && !isEmptyList && !needsOperator)
        wrong.push(`${named(operation)} ${status} ${body.slice(0, 200)}`)
    }
    expect(wrong).toEqual([])
    expect(await rowsOf(accountId)).toEqual(rowsBefore)
  })

  it('shows no list entry of another account', async () => {
    const owner = await platform.account()
    const device = await addDevice(platform.db, owner.accountId)
    const appId = `com.example.${randomUUID().slice(0, 8)}`
    await publishApp(platform.db, { accountId: owner.accountId, appId, versions: [1] })
    const orderId = await addOrder(platform.db, { accountId: owner.accountId, appId, total: 3 })
    const stranger = await platform.account()
    const secrets = [device.deviceId, device.siteId, device.gatewayId, appId, orderId, owner.userId, owner.accountId]
    const lists = operations.filter(
      ({ method, path, access }) =>
        method === 'GET' && !path.includes('{') && access.includes(':') && !path.includes('stream'),
    )
    expect(lists.length).toBeGreaterThan(8)
    for (const operation of lists) {
      const { body } = await call(operation, {}, stranger)
      expect(
        secrets.filter((secret) => body.includes(secret)),
        named(operation),
      ).toEqual([])
    }
  })

  it('answers a body of the wrong shape with 400 and says where', async () => {
    const caller = await platform.account({ operator: true })
    const wrong: string[] = []
    for (const operation of operations.filter(
      ({ body, bodyType, access }) => body && bodyType === 'application/json' && access !== 'gateway',
    )) {
      const answer = await platform.app.inject({
        method: operation.method,
        url: operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
          name.endsWith('Id') && !['deviceId', 'appId', 'clientId'].includes(name)
            ? randomUUID()
            : name === 'runningState'
              ? 'RUNNING'
              : 'x',
        ),
        headers: caller.headers,
        payload: ['wrong'],
      })
      const problem = answer.json()
      if (
        answer.statusCode !== 400 ||
        problem.code !== 'invalid-request' ||
        !answer.headers['content-type']?.includes('problem+json')
      ) {
        wrong.push(`${named(operation)} ${answer.statusCode} ${answer.body.slice(0, 150)}`)
      }
    }
    expect(wrong).toEqual([])
  })
})

async function rowsOf(accountId: string): Promise<unknown> {
  const { db } = platform
  const ownApps = db.selectFrom('app').select('app_id').where('account_id', '=', accountId)
  return {
    device: await db.selectFrom('device').selectAll().where('account_id', '=', accountId).execute(),
    installation: await db.selectFrom('installation').selectAll().where('account_id', '=', accountId).execute(),
    license: await db.selectFrom('license').selectAll().where('account_id', '=', accountId).execute(),
    order: await db.selectFrom('app_order').selectAll().where('account_id', '=', accountId).execute(),
    site: await db.selectFrom('site').selectAll().where('account_id', '=', accountId).execute(),
    gateway: await db.selectFrom('gateway').selectAll().where('account_id', '=', accountId).execute(),
    project: await db.selectFrom('project').selectAll().where('account_id', '=', accountId).execute(),
    transfer: await db.selectFrom('device_transfer').selectAll().where('from_account_id', '=', accountId).execute(),
    user: await db.selectFrom('account_user').selectAll().where('account_id', '=', accountId).execute(),
    rollout: await db.selectFrom('rollout').selectAll().where('account_id', '=', accountId).execute(),
    makerKey: await db.selectFrom('maker_key').selectAll().where('app_id', 'in', ownApps).execute(),
    signingKey: await db.selectFrom('signing_key').selectAll().where('account_id', '=', accountId).execute(),
    bundle: await db.selectFrom('bundle').selectAll().where('account_id', '=', accountId).execute(),
    app: await db.selectFrom('app').selectAll().where('account_id', '=', accountId).execute(),
    technicalUser: await db.selectFrom('technical_user').selectAll().where('account_id', '=', accountId).execute(),
    invitation: await db.selectFrom('invitation').selectAll().where('account_id', '=', accountId).execute(),
  }
}
