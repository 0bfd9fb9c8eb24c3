import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addDevice } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import type { GatewayShare } from '../sites/share-store.ts'
import { deviceRoutes } from './device-routes.ts'

let platform: TestPlatform
let owner: TestAccount
let other: TestAccount
const unassigned: [string, string][] = []
const told: GatewayShare[] = []

beforeAll(async () => {
  platform = await createTestPlatform(() =>
    deviceRoutes({
      unassigned: (gatewayId, deviceId) => void unassigned.push([gatewayId, deviceId]),
      tellShares: (shares) => void told.push(...shares),
      nowMs: Date.now,
    }),
  )
  owner = await platform.account()
  other = await platform.account()
})
afterAll(() => platform.close())

async function call(
  method: 'GET' | 'PATCH' | 'DELETE' | 'POST',
  url: string,
  { as = owner, body }: { as?: TestAccount; body?: object } = {},
) {
  const answer = await platform.app.inject({
    method,
    url: `/device/v1/devices${url}`,
    headers: as.headers,
    ...(body ? { payload: body } : {}),
  })
  return { status: answer.statusCode, body: answer.body ? answer.json() : null, headers: answer.headers }
}

async function unclaimedDevice(accountId: string, deviceId: string, fields: object = {}) {
  await platform.db
    .insertInto('device')
    .values({ account_id: accountId, device_id: deviceId, state: 'UNCLAIMED', ...fields })
    .execute()
}

const idsOf = (body: { items: { deviceId: string }[] }) => body.items.map(({ deviceId }) => deviceId)

describe('the list of devices', () => {
  test('answers the envelope, ordered by bytes of deviceId, with every field of a device', async () => {
    const account = await platform.account()
    for (const id of ['b', 'B', 'a/ä', '"quoted"']) await unclaimedDevice(account.accountId, id)
    const { status, body, headers } = await call('GET', '', { as: account })
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
    expect(idsOf(body)).toEqual(['"quoted"', 'B', 'a/ä', 'b'])
    expect(body).toMatchObject({ page: 0, size: 1000, nextCursor: null, total: null })
    const updatedAt = body.items[0].updatedAt
    expect(updatedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(body.items[0]).toEqual({
      ...{ deviceId: '"quoted"', state: 'UNCLAIMED', name: null, manufacturer: null, model: null, serialNumber: null },
      ...{ macAddress: null, firmwareVersion: null, architecture: null, driver: null, appFormats: [], address: null },
      ...{ siteId: null, gatewayId: null, projectIds: [], customer: null, location: null, tags: [] },
      ...{ connectivity: 'NOT_CONNECTED', connectivityReason: null, lastSeenAt: null, clockOffsetSeconds: null },
      ...{ appsUpdatePossible: false, claimedAt: null, updatedAt },
    })
  })

  test('pages by number and by cursor until nothing is left, and counts only when asked', async () => {
    const account = await platform.account()
    for (const id of ['1', '2', '3', '4', '5']) await unclaimedDevice(account.accountId, id)
    const byNumber: string[][] = []
    for (let page = 0; page < 4; page++) {
      byNumber.push(idsOf((await call('GET', `?size=2&page=${page}`, { as: account })).body))
    }
    expect(byNumber).toEqual([['1', '2'], ['3', '4'], ['5'], []])
    const byCursor: string[][] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await call('GET', `?size=2&count=true${cursor && `&cursor=${cursor}`}`, { as: account })
      expect(body.total).toBe(5)
      byCursor.push(idsOf(body))
      cursor = body.nextCursor
    }
    expect(byCursor).toEqual([['1', '2'], ['3', '4'], ['5']])
  })

  test('refuses a cursor of other filters, a made-up one, and one beside a page', async () => {
    const account = await platform.account()
    for (const id of ['1', '2']) await unclaimedDevice(account.accountId, id, { model: 'M' })
    const { body } = await call('GET', '?size=1&model=M', { as: account })
    const statuses = ['model=N', 'size=1', 'model=M&page=1', 'model=M'].map(
      async (query) => (await call('GET', `?${query}&cursor=${body.nextCursor}`, { as: account })).status,
    )
    expect(await Promise.all(statuses)).toEqual([400, 400, 400, 200])
    expect((await call('GET', '?cursor=e30', { as: account })).status).toBe(400)
    expect((await call('GET', '?size=1001')).status).toBe(400)
    expect((await call('GET', '?colour=red')).status).toBe(400)
  })

  test('filters by each field, and takes free text literally', async () => {
    const account = await platform.account()
    const device = await addDevice(platform.db, account.accountId)
    const { accountId } = account
    await unclaimedDevice(accountId, 'plain', { name: 'nothing' })
    await sql`UPDATE device SET model = 'M1', customer = 'C1', tags = '{night,day}', apps_update_possible = true,
      name = '100% sure_thing' WHERE device_id = ${device.deviceId}`.execute(platform.db)
    await platform.db
      .insertInto('installation')
      .values({ account_id: accountId, device_id: device.deviceId, app_id: 'app.x', present: true })
      .execute()
    const { project_id } = await platform.db
      .insertInto('project')
      .values({ account_id: accountId, name: 'P' })
      .returning('project_id')
      .executeTakeFirstOrThrow()
    await platform.db
      .insertInto('project_device')
      .values({ account_id: accountId, project_id, device_id: device.deviceId })
      .execute()
    const matching = ['state=CLAIMED', 'connectivity=ONLINE', 'appsUpdatePossible=true', 'appId=app.x', 'model=M1']
    matching.push('customer=C1', 'tag=day', 'q=100%25', 'q=sure_', 'q=SURE', `siteId=${device.siteId}`)
    matching.push(`gatewayId=${device.gatewayId}`, `projectId=${project_id}`, 'model=M1&tag=night')
    for (const query of matching) {
      expect([query, idsOf((await call('GET', `?${query}`, { as: account })).body)]).toEqual([query, [device.deviceId]])
    }
    for (const query of ['state=UNCLAIMED', 'appsUpdatePossible=false', 'connectivity=NOT_CONNECTED', 'q=noth']) {
      expect([query, idsOf((await call('GET', `?${query}`, { as: account })).body)]).toEqual([query, ['plain']])
    }
    for (const query of ['model=M2', 'q=1_0', 'q=%25x', 'tag=noon', 'appId=app.y', 'q=%5C']) {
      expect([query, idsOf((await call('GET', `?${query}`, { as: account })).body)]).toEqual([query, []])
    }
  })

  test('shows what the caller’s projects hold and what is in none, and nothing of another account', async () => {
    const account = await platform.account()
    const member = await platform.account({ accountId: account.accountId, permissions: ['devices:view'] })
    for (const id of ['free', 'mine', 'theirs']) await unclaimedDevice(account.accountId, id)
    await unclaimedDevice(other.accountId, 'free')
    for (const [name, deviceId] of [
      ['A', 'mine'],
      ['B', 'theirs'],
    ] as const) {
      const { project_id } = await platform.db
        .insertInto('project')
        .values({ account_id: account.accountId, name })
        .returning('project_id')
        .executeTakeFirstOrThrow()
      const key = { account_id: account.accountId, project_id }
      await platform.db
        .insertInto('project_device')
        .values({ ...key, device_id: deviceId })
        .execute()
      if (name === 'A')
        await platform.db
          .insertInto('project_member')
          .values({ ...key, user_id: member.userId })
          .execute()
    }
    const { body } = await call('GET', '?count=true', { as: member })
    expect([idsOf(body), body.total]).toEqual([['free', 'mine'], 2])
    expect(idsOf((await call('GET', '', { as: account })).body)).toEqual(['free', 'mine', 'theirs'])
    expect((await call('GET', '/theirs', { as: member })).status).toBe(404)
    expect((await call('GET', '/mine', { as: member })).status).toBe(200)
    expect((await call('PATCH', '/mine', { as: member, body: { name: 'x' } })).body).toMatchObject({
      ...{ status: 403, requiredPermission: 'devices:edit' },
    })
    expect((await call('GET', '/mine', { as: other })).status).toBe(404)
  })
})

describe('a device', () => {
  test('says in a sentence what is known of its connection and what to do', async () => {
    const device = await addDevice(platform.db, owner.accountId)
    const read = async () => (await call('GET', `/${device.deviceId}`)).body.connectivityExplained
    expect(await read()).toMatchObject({
      gatewayConnected: true,
      gatewayCertificateExpiresAt: '2030-01-01T00:00:00Z',
      replacement: null,
    })
    await sql`UPDATE device SET connectivity = 'OFFLINE', connectivity_reason = 'credentials-refused',
      last_seen_at = '2026-01-01T10:00:00Z' WHERE device_id = ${device.deviceId}`.execute(platform.db)
    expect((await read()).detail).toBe(
      'The camera refuses the stored password: give the gateway the right one. The camera answered last at 2026-01-01T10:00:00.000Z.',
    )
    await sql`UPDATE device SET connectivity = 'UNKNOWN', connectivity_reason = 'gateway-away'
      WHERE device_id = ${device.deviceId}`.execute(platform.db)
    expect((await read()).detail).toContain('Its gateway is not connected')
  })

  test('is changed, with an event, and keeps what was not named', async () => {
    const device = await addDevice(platform.db, owner.accountId)
    const path = `/${device.deviceId}`
    expect((await call('PATCH', path, { body: { name: 'Gate', tags: ['a'] } })).body).toMatchObject({
      name: 'Gate',
      tags: ['a'],
    })
    expect((await call('PATCH', path, { body: { location: 'Hall' } })).body).toMatchObject({
      name: 'Gate',
      location: 'Hall',
    })
    expect((await call('PATCH', path, { body: {} })).status).toBe(400)
    expect((await call('PATCH', path, { as: other, body: { name: 'x' } })).status).toBe(404)
    const elsewhere = await addDevice(platform.db, other.accountId)
    expect((await call('PATCH', path, { body: { siteId: elsewhere.siteId } })).status).toBe(404)
    expect(await eventTypes(device.deviceId)).toEqual(['device.changed', 'device.changed'])
  })

  test('that comes to another site has its gateway told what it may do there', async () => {
    const device = await addDevice(platform.db, owner.accountId)
    await sql`UPDATE gateway SET connected = true, session = 7 WHERE gateway_id = ${device.gatewayId}`.execute(
      platform.db,
    )
    const { rows } = await sql<{ id: string }>`INSERT INTO site (account_id, name, max_in_flight)
      VALUES (${owner.accountId}, 'Pier', 3) RETURNING site_id AS id`.execute(platform.db)
    const siteId = rows[0]?.id
    expect((await call('PATCH', `/${device.deviceId}`, { body: { siteId } })).status).toBe(200)
    expect(told).toMatchObject([{ gatewayId: device.gatewayId, session: 7, site: { siteId, maxInFlight: 3 } }])
  })

  test('moves to another gateway of the account under a higher assignment', async () => {
    const device = await addDevice(platform.db, owner.accountId)
    const to = await addDevice(platform.db, owner.accountId)
    const elsewhere = await addDevice(platform.db, other.accountId)
    const path = `/${device.deviceId}/gateway`
    expect((await call('POST', path, { body: { gatewayId: elsewhere.gatewayId } })).status).toBe(404)
    const moved = await call('POST', path, { body: { gatewayId: to.gatewayId } })
    expect(moved.body).toMatchObject({ gatewayId: to.gatewayId, siteId: to.siteId, connectivity: 'UNKNOWN' })
    expect((await call('POST', path, { body: { gatewayId: to.gatewayId } })).status).toBe(200)
    const row = await platform.db
      .selectFrom('device')
      .selectAll()
      .where('device_id', '=', device.deviceId)
      .executeTakeFirst()
    expect(row).toMatchObject({ assignment: 2, gateway_id: to.gatewayId })
    expect(await eventTypes(device.deviceId)).toEqual(['device.moved'])
    expect(unassigned.filter(([, id]) => id === device.deviceId)).toEqual([[device.gatewayId, device.deviceId]])
  })
})

async function eventTypes(deviceId: string) {
  const rows = await platform.db
    .selectFrom('event')
    .select('type')
    .where('device_id', '=', deviceId)
    .orderBy('event_id')
    .execute()
  return rows.map(({ type }) => type)
}
