import { generateKeyPairSync, randomUUID, X509Certificate } from 'node:crypto'
import { type Permission, permissions } from '@ocelli/contract'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certificateRequest } from '../../../test/certificate-request.ts'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import type { Authenticator, Caller } from '../../platform/auth/caller.ts'
import { type CertificateAuthority, createCertificateAuthority } from '../../platform/ca/certificate-authority.ts'
import { type Database, openDatabase } from '../../platform/database/database.ts'
import { createApp } from '../../platform/http/create-app.ts'
import { registerRoutes } from '../../platform/http/register-routes.ts'
import { createVault } from '../../platform/keys/master-key.ts'
import { createMetrics } from '../../platform/metrics.ts'
import { claimRoutes } from '../claims/claim-routes.ts'
import { siteRoutes } from '../sites/site-routes.ts'
import { gatewayRoutes } from './gateway-routes.ts'

let app: FastifyInstance
let db: Database
let ca: CertificateAuthority
let end: () => Promise<void>
const callers = new Map<string, Caller>()
const disconnected: string[] = []
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

beforeAll(async () => {
  const database = await createTestDatabase()
  const opened = openDatabase({ connectionString: database.connectionString, maxConnections: 4, onError: () => {} })
  db = opened.db
  ca = await createCertificateAuthority(db, createVault(Buffer.alloc(32, 7)), Date.now)
  const metrics = createMetrics()
  const common = { log: pino({ level: 'silent' }), metrics, publicUrl: 'http://127.0.0.1', tls: null }
  app = await createApp({ ...common, rateLimitPerSecond: 0 } as Parameters<typeof createApp>[0])
  const urls = { mqttUrl: 'mqtts://ocelli.example.com:8883', mqttWebSocketUrl: 'wss://ocelli.example.com/mqtt' }
  const disconnect = (gatewayId: string) => disconnected.push(gatewayId)
  const routes = [
    ...siteRoutes({ caFingerprint: ca.fingerprint, tellShares: () => {}, nowMs: Date.now }),
    ...gatewayRoutes({ ca, ...urls, disconnect }),
  ]
  const authenticate: Authenticator = async ({ headers }) => callers.get(String(headers.authorization)) ?? null
  registerRoutes(app, [...routes, ...claimRoutes()], { db, authenticate })
  end = async () => {
    await app.close()
    metrics.close()
    await opened.close()
    await database.drop()
  }
})
afterAll(() => end())

async function account(held: readonly Permission[] = permissions) {
  const row = await db.insertInto('account').values({ name: 'A' }).returning('account_id').executeTakeFirstOrThrow()
  return signIn({
    kind: 'user',
    id: randomUUID(),
    accountId: row.account_id,
    permissions: new Set(held),
    scope: { all: true },
  })
}

function signIn(caller: Caller) {
  const authorization = randomUUID()
  callers.set(authorization, caller)
  return {
    caller,
    call: async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) => {
      const response = await app.inject({ method, url, headers: { authorization }, ...(payload ? { payload } : {}) })
      return { status: response.statusCode, body: response.body === '' ? null : response.json() }
    },
  }
}
type SignedIn = ReturnType<typeof signIn>

const newSite = async (by: SignedIn, name = 'Plant') =>
  (await by.call('POST', '/device/v1/sites', { name })).body.siteId
async function newSecret(by: SignedIn, siteId: string): Promise<string> {
  const { status, body } = await by.call('POST', `/device/v1/sites/${siteId}/enrollment-tokens`)
  expect(status).toBe(201)
  const content = JSON.parse(Buffer.from(body.token.slice('oet1.'.length), 'base64url').toString())
  expect(content).toMatchObject({ siteId, caFingerprint: ca.fingerprint })
  return content.secret
}
const enroll = (by: SignedIn, body: object) =>
  by.call('POST', '/device/v1/gateways/enroll', { name: 'Box', version: '1', ...body })
const asGateway = (of: SignedIn, id: string) =>
  signIn({ kind: 'gateway', id, accountId: of.caller.accountId, permissions: new Set(), scope: { all: true } })
const camera = (deviceId: string, more: object = {}) => ({
  ...{ deviceId, identitySource: 'onvif:GetDeviceId', driver: 'onvif', address: 'http://192.0.2.9' },
  facts: {
    ...{ manufacturer: 'M', model: 'X', serialNumber: null, macAddress: null, firmwareVersion: '1\u0000' },
    ...{ architecture: null, platformLevel: null, appFormats: ['apk'] },
  },
  ...more,
})

describe('sites', () => {
  test('are made, changed and removed by those who may, and seen by nobody else', async () => {
    const [owner, stranger, viewer] = [await account(), await account(), await account(['devices:view'])]
    const siteId = await newSite(owner)
    expect((await owner.call('PATCH', `/device/v1/sites/${siteId}`, { maxInFlight: 9 })).body).toMatchObject({
      ...{ siteId, name: 'Plant', maxInFlight: 9, timeZone: 'UTC', repair: 'request', addressRanges: [] },
    })
    const addressRanges = ['192.168.1.0/24', '10.0.0.1-10.0.1.9', '2001:db8::/120']
    expect((await owner.call('PATCH', `/device/v1/sites/${siteId}`, { addressRanges })).body).toMatchObject({
      ...{ siteId, addressRanges, maxInFlight: 9 },
    })
    for (const range of ['10.0.0.0/8', '192.168.1.300', 'camera.example', '::/0', '']) {
      expect((await owner.call('PATCH', `/device/v1/sites/${siteId}`, { addressRanges: [range] })).status).toBe(400)
    }
    expect((await owner.call('POST', '/device/v1/sites', { name: 'Plant' })).body.code).toBe('already-exists')
    expect((await owner.call('POST', '/device/v1/sites', { name: 'B', timeZone: 'Mars/Base' })).status).toBe(400)
    expect((await viewer.call('POST', '/device/v1/sites', { name: 'B' })).body).toMatchObject({
      ...{ status: 403, requiredPermission: 'devices:edit' },
    })
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await stranger.call(method, `/device/v1/sites/${siteId}`)).status).toBe(404)
    }
    expect((await stranger.call('POST', `/device/v1/sites/${siteId}/enrollment-tokens`)).status).toBe(404)
    expect((await stranger.call('GET', '/device/v1/sites')).body).toEqual([])
    expect((await owner.call('DELETE', `/device/v1/sites/${siteId}`)).status).toBe(204)
    expect((await owner.call('GET', `/device/v1/sites/${siteId}`)).status).toBe(404)
  })
})

describe('enrolling', () => {
  test('works once per token, also when two come at once, and an unreadable request leaves the token whole', async () => {
    const owner = await account()
    const siteId = await newSite(owner)
    const secret = await newSecret(owner, siteId)
    expect((await enroll(owner, { secret, csr: 'nonsense' })).status).toBe(400)
    const answers = await Promise.all([1, 2].map(() => enroll(owner, { secret, csr: certificateRequest(newKey()) })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401])
    expect((await owner.call('GET', '/device/v1/gateways')).body).toHaveLength(1)
    expect((await owner.call('DELETE', `/device/v1/sites/${siteId}`)).body.code).toBe('state-conflict')
  })

  test('keeps the id for the old key, and gives another one to another key or a revoked gateway', async () => {
    const owner = await account()
    const siteId = await newSite(owner)
    const key = newKey()
    const first = (await enroll(owner, { secret: await newSecret(owner, siteId), csr: certificateRequest(key) })).body
    const again = async (by = key) => {
      const body = { secret: await newSecret(owner, siteId), csr: certificateRequest(by), gatewayId: first.gatewayId }
      return (await enroll(owner, body)).body.gatewayId
    }
    expect(await again()).toBe(first.gatewayId)
    expect(await again(newKey())).not.toBe(first.gatewayId)
    const gateway = asGateway(owner, first.gatewayId)
    const renew = (by = key) =>
      gateway.call('POST', '/device/v1/gateways/self/certificate', { csr: certificateRequest(by) })
    const renewed = (await renew()).body
    expect(new X509Certificate(renewed.certificate).subject).toBe(`CN=${first.gatewayId}`)
    expect((await renew(newKey())).status).toBe(400)
    expect((await owner.call('DELETE', `/device/v1/gateways/${first.gatewayId}`)).status).toBe(204)
    expect(disconnected).toContain(first.gatewayId)
    expect(await again()).not.toBe(first.gatewayId)
    expect((await renew()).status).toBe(401)
    const stranger = await account()
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await stranger.call(method, `/device/v1/gateways/${first.gatewayId}`)).status).toBe(404)
    }
  })
})

describe('claims', () => {
  async function gatewayOf(owner: SignedIn, siteId: string): Promise<SignedIn> {
    const { body } = await enroll(owner, { secret: await newSecret(owner, siteId), csr: certificateRequest(newKey()) })
    return asGateway(owner, body.gatewayId)
  }
  const claim = (by: SignedIn, ...devices: object[]) => by.call('POST', '/device/v1/claims', { devices })

  test('go to who comes first, name nobody else, and keep identity and site when repeated', async () => {
    const [owner, stranger] = [await account(), await account()]
    const siteId = await newSite(owner)
    const [one, two] = [await gatewayOf(owner, siteId), await gatewayOf(owner, siteId)]
    const foreign = await gatewayOf(stranger, await newSite(stranger))
    const deviceId = randomUUID()
    const result = async (by: SignedIn, more: object = {}) => (await claim(by, camera(deviceId, more))).body.results[0]
    expect(await result(one)).toEqual({ deviceId, result: 'claimed', assignment: 1 })
    const moved = { address: 'http://192.0.2.10', identitySource: 'other' }
    expect(await result(one, moved)).toEqual({ deviceId, result: 'already-claimed', assignment: 1 })
    expect(await result(two)).toEqual({ deviceId, result: 'already-claimed', assignment: null })
    expect(await result(foreign)).toEqual({ deviceId, result: 'claimed-elsewhere', assignment: null })
    const row = await db.selectFrom('device').selectAll().where('device_id', '=', deviceId).executeTakeFirstOrThrow()
    expect(row).toMatchObject({
      address: 'http://192.0.2.10',
      identity_source: 'onvif:GetDeviceId',
      firmware_version: '1',
    })
    const events = await db.selectFrom('event').select('type').where('device_id', '=', deviceId).execute()
    expect(events).toEqual([{ type: 'device.claimed' }])
    expect((await claim(foreign, camera(randomUUID(), { siteId }))).status).toBe(404)
    expect((await claim(owner, camera(randomUUID()))).status).toBe(403)
  })

  test('take a row that was unclaimed under the next assignment, unless another account has the camera', async () => {
    const [owner, stranger] = [await account(), await account()]
    const gateway = await gatewayOf(owner, await newSite(owner))
    const foreign = await gatewayOf(stranger, await newSite(stranger))
    const [free, taken] = [randomUUID(), randomUUID()]
    const rows = [free, taken].map((device_id) => ({
      ...{ account_id: owner.caller.accountId, device_id, state: 'UNCLAIMED' as const, assignment: 4 },
    }))
    await db.insertInto('device').values(rows).execute()
    await claim(foreign, camera(taken))
    expect((await claim(gateway, camera(taken), camera(free))).body.results).toEqual([
      { deviceId: taken, result: 'claimed-elsewhere', assignment: null },
      { deviceId: free, result: 'claimed', assignment: 5 },
    ])
  })

  test('of rows that two accounts hold unclaimed end with one owner each, whoever is faster', async () => {
    const owners = [await account(), await account()]
    const gateways = await Promise.all(owners.map(async (owner) => gatewayOf(owner, await newSite(owner))))
    const ids = Array.from({ length: 200 }, () => randomUUID())
    for (const { caller } of owners) {
      const rows = ids.map((device_id) => ({ account_id: caller.accountId, device_id, state: 'UNCLAIMED' as const }))
      await db.insertInto('device').values(rows).execute()
    }
    const answers = await Promise.all(gateways.map((by) => claim(by, ...ids.map((id) => camera(id)))))
    const results = answers.map(({ body }) => body.results.map((one: { result: string }) => one.result))
    for (const [index] of ids.entries()) {
      expect([results[0][index], results[1][index]].sort()).toEqual(['claimed', 'claimed-elsewhere'])
    }
  })
})

describe('a machine that takes the place of a gateway', () => {
  async function deadGateway() {
    const owner = await account()
    const siteId = await newSite(owner)
    const enrollIn = async (body: object) => (await enroll(owner, { csr: certificateRequest(newKey()), ...body })).body
    const old = await enrollIn({ secret: await newSecret(owner, siteId) })
    const deviceIds = [randomUUID(), randomUUID()].sort()
    const claimed = await asGateway(owner, old.gatewayId).call('POST', '/device/v1/claims', {
      devices: deviceIds.map((deviceId) => camera(deviceId)),
    })
    expect(claimed.status).toBe(200)
    const devices = async () =>
      await db
        .selectFrom('device as d')
        .innerJoin('device_channel as c', (join) =>
          join.onRef('c.account_id', '=', 'd.account_id').onRef('c.device_id', '=', 'd.device_id'),
        )
        // the channel's own gateway: what is to be sent is found by it
        .select(['d.device_id', 'c.gateway_id', 'd.assignment', 'c.revision', 'd.site_id'])
        .where('d.account_id', '=', owner.caller.accountId)
        .orderBy('d.device_id')
        .execute()
    const tokenFor = (by: SignedIn, gatewayId: string) =>
      by.call('POST', `/device/v1/gateways/${gatewayId}/replacement-tokens`)
    const secretFor = async (gatewayId: string) => {
      const { body } = await tokenFor(owner, gatewayId)
      const content = JSON.parse(Buffer.from(body.token.slice('oet1.'.length), 'base64url').toString())
      expect(content).toMatchObject({ siteId, replaces: gatewayId, caFingerprint: ca.fingerprint })
      return content.secret as string
    }
    return { owner, siteId, old, deviceIds, devices, enrollIn, tokenFor, secretFor }
  }

  test('gets all its devices with a higher assignment, and the old one is revoked', async () => {
    const { owner, siteId, old, deviceIds, devices, enrollIn, secretFor } = await deadGateway()
    const [before] = await devices()
    const secret = await secretFor(old.gatewayId)

    const { gatewayId } = await enrollIn({ secret })

    expect(gatewayId).not.toBe(old.gatewayId)
    expect(await devices()).toEqual(
      deviceIds.map((device_id) => ({
        ...{ device_id, gateway_id: gatewayId, site_id: siteId },
        ...{ assignment: (before?.assignment ?? 0) + 1, revision: (before?.revision ?? 0) + 1 },
      })),
    )
    expect(disconnected).toContain(old.gatewayId)
    const { body } = await owner.call('GET', `/device/v1/gateways/${old.gatewayId}`)
    expect(body).toMatchObject({ deviceCount: 0, revokedAt: expect.any(String) })
    const told = await db
      .selectFrom('event')
      .select(['type', 'device_id'])
      .where('account_id', '=', owner.caller.accountId)
      .where('type', 'in', ['device.moved', 'gateway.revoked'])
      .execute()
    expect(told.map(({ type }) => type).sort()).toEqual(['device.moved', 'device.moved', 'gateway.revoked'])
    expect((await enroll(owner, { csr: certificateRequest(newKey()), secret })).status).toBe(401)
  })

  test('may come after the old one was revoked, and an ordinary token takes nothing over', async () => {
    const { owner, siteId, old, devices, enrollIn, secretFor } = await deadGateway()
    await enrollIn({ secret: await newSecret(owner, siteId), gatewayId: old.gatewayId })
    expect((await devices()).every(({ gateway_id }) => gateway_id === old.gatewayId)).toBe(true)
    await owner.call('DELETE', `/device/v1/gateways/${old.gatewayId}`)
    const { gatewayId } = await enrollIn({ secret: await secretFor(old.gatewayId) })
    expect((await devices()).every(({ gateway_id }) => gateway_id === gatewayId)).toBe(true)
  })

  test('is let in by those alone who may change devices of that account', async () => {
    const { owner, old, tokenFor } = await deadGateway()
    expect((await tokenFor(await account(), old.gatewayId)).status).toBe(404)
    const viewer = signIn({ ...owner.caller, permissions: new Set<Permission>(['devices:view']) })
    expect((await tokenFor(viewer, old.gatewayId)).status).toBe(403)
  })

  test('is not the folder of the old one itself', async () => {
    const { owner, siteId, secretFor, devices } = await deadGateway()
    const key = newKey()
    const csr = certificateRequest(key)
    const { body: self } = await enroll(owner, { csr, secret: await newSecret(owner, siteId) })
    const secret = await secretFor(self.gatewayId)
    const refused = await enroll(owner, { csr, secret, gatewayId: self.gatewayId })
    expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringContaining('ordinary token') } })
    // The token was not used up by what failed.
    expect((await enroll(owner, { csr: certificateRequest(newKey()), secret })).status).toBe(201)
    expect(await devices()).toHaveLength(2)
  })
})
