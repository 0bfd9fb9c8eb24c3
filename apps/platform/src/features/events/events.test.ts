import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createTestPlatform, noLimits, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import { byPlatform, emitEvents, type NewEvent } from '../../platform/events/emit.ts'
import { eventRoutes } from './event-routes.ts'

let platform: TestPlatform
let connectionString = ''

beforeAll(async () => {
  platform = await createTestPlatform(({ db, bearer, connectionString: url }) => {
    connectionString = url
    const log = pino({ level: 'silent' })
    return eventRoutes({
      ...noLimits,
      db,
      log,
      authenticate: bearer.authenticate,
      closing: new AbortController().signal,
    })
  })
})
afterAll(() => platform.close())

const emit = (event: NewEvent) => emitEvents(platform.db, byPlatform, [event])

async function read(as: TestAccount, query = '') {
  const answer = await platform.app.inject({ url: `/events/v1${query}`, headers: as.headers })
  return { status: answer.statusCode, body: answer.json() }
}
/** Read until it shows these: what runs in other databases of the tests' server may hold an event back for a moment. */
const shows = (as: TestAccount, devices: string[], query = '') =>
  expect.poll(async () => devicesOf((await read(as, query)).body), { timeout: 10_000 }).toEqual(devices)
const devicesOf = (body: { items: { deviceId: string }[] }) => body.items.map(({ deviceId }) => deviceId)

async function connect(to = connectionString) {
  const client = new Client({ connectionString: to })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

test('an event that commits after later ones is still read by the cursor that waited for it', async () => {
  const account = await platform.account()
  const slow = await connect()
  await slow.query('BEGIN')
  await slow.query(
    `INSERT INTO event (account_id, type, actor_kind, device_id) VALUES ($1, 'device.changed', 'platform', 'late')`,
    [account.accountId],
  )
  await emit({ type: 'device.changed', accountId: account.accountId, deviceId: 'early' })
  const first = await read(account)
  expect(devicesOf(first.body)).toEqual([])
  await slow.query('COMMIT')
  await shows(account, ['late', 'early'])
})

test('what runs in another database of the server holds nothing back', async () => {
  const account = await platform.account()
  const elsewhere = new URL(connectionString)
  elsewhere.pathname = '/postgres'
  const slow = await connect(elsewhere.href)
  await slow.query('BEGIN; SELECT pg_current_xact_id()')
  await emit({ type: 'device.changed', accountId: account.accountId, deviceId: 'here' })
  await shows(account, ['here'])
})

test('reads in pages by cursor, each event once, also those of later', async () => {
  const account = await platform.account()
  for (const deviceId of ['1', '2', '3']) await emit({ type: 'device.changed', accountId: account.accountId, deviceId })
  await shows(account, ['1', '2', '3'])
  const first = await read(account, '?size=2')
  expect(devicesOf(first.body)).toEqual(['1', '2'])
  const second = await read(account, `?size=2&cursor=${first.body.nextCursor}`)
  expect(devicesOf(second.body)).toEqual(['3'])
  const none = await read(account, `?cursor=${second.body.nextCursor}`)
  expect(none.body).toEqual({ items: [], nextCursor: second.body.nextCursor, hasMore: false })
  await emit({ type: 'device.moved', accountId: account.accountId, deviceId: '4' })
  await shows(account, ['4'], `?cursor=${none.body.nextCursor}`)
  expect(devicesOf((await read(account, '?type=device.moved')).body)).toEqual(['4'])
  expect(devicesOf((await read(account, '?deviceId=2')).body)).toEqual(['2'])
  expect(devicesOf((await read(account, '?to=2020-01-01T00:00:00Z')).body)).toEqual([])
  for (const cursor of ['1', '99999999999999999999-1', '1-9999999999999999999'])
    expect((await read(account, `?cursor=${cursor}`)).status).toBe(400)
})

test('refuses a position that this database has not reached, as after a restore', async () => {
  const account = await platform.account()
  const ahead = '999999999999-1'
  expect(await read(account, `?cursor=${ahead}`)).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining('restored') },
  })
  const headers = { ...account.headers, 'last-event-id': ahead }
  const stream = await platform.app.inject({ url: '/events/v1/stream', headers })
  expect(stream.statusCode).toBe(400)
})

test.each(['0000-01-01T00:00:00Z', '2026-01-01T00:00:00+20:00'])(
  'refuses %s, a time that no calendar here has',
  async (from) => {
    const { status, body } = await read(await platform.account(), `?from=${encodeURIComponent(from)}`)
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'invalid-request' })
  },
)

test('reads in the order of transactions, whose numbers grow longer', async () => {
  const account = await platform.account()
  const client = await connect()
  for (const [deviceId, xid] of Object.entries({ second: '100', first: '99' })) {
    await client.query(
      `INSERT INTO event (account_id, type, actor_kind, device_id, xid) VALUES ($1, 'device.changed', 'platform', $2, $3)`,
      [account.accountId, deviceId, xid],
    )
  }
  await shows(account, ['first', 'second'])
  const page = await read(account, '?size=1')
  expect(devicesOf(page.body)).toEqual(['first'])
  expect(devicesOf((await read(account, `?cursor=${page.body.nextCursor}`)).body)).toEqual(['second'])
})

test('shows neither another account’s events nor those of others’ projects, and needs audit:view', async () => {
  const [account, other] = [await platform.account(), await platform.account()]
  const { accountId } = account
  const member = await platform.account({ accountId, permissions: ['audit:view'] })
  const blind = await platform.account({ accountId, permissions: ['devices:view'] })
  const { project_id } = await platform.db
    .insertInto('project')
    .values({ account_id: accountId, name: 'P' })
    .returning('project_id')
    .executeTakeFirstOrThrow()
  await platform.db
    .insertInto('project_member')
    .values({ account_id: accountId, project_id, user_id: member.userId })
    .execute()
  await emit({ type: 'device.changed', accountId, deviceId: 'mine', projectIds: [project_id] })
  await emit({ type: 'device.changed', accountId, deviceId: 'theirs', projectIds: [randomUUID()] })
  await emit({ type: 'device.changed', accountId, deviceId: 'free', projectIds: [] })
  await shows(member, ['mine', 'free'])
  await shows(account, ['mine', 'theirs', 'free'])
  expect((await read(other)).body.items).toEqual([])
  expect((await read(blind)).body).toMatchObject({ status: 403, requiredPermission: 'audit:view' })
})
