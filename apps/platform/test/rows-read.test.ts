import { randomUUID } from 'node:crypto'
import type { EnrollmentToken, Installation, Rollout } from '@ocelli/contract'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { takeResults } from '../src/features/camera-logins/take-results.ts'
import { createDispatcher } from '../src/features/channel/dispatcher.ts'
import {
  beginSessions,
  type Greeting,
  noteHeartbeats,
  readForeignDevices,
} from '../src/features/channel/session-store.ts'
import { markAway } from '../src/features/gateways/mark-away.ts'
import { applyReports } from '../src/features/installations/apply-reports.ts'
import { readDesired } from '../src/features/installations/desired-state.ts'
import { issueLicensesForGateways } from '../src/features/licenses/issue-license.ts'
import { stepRollout } from '../src/features/rollouts/step-rollout.ts'
import { giveBackShares, noteSharesInUse } from '../src/features/sites/share-store.ts'
import { byPlatform } from '../src/platform/events/emit.ts'
import { hello } from './channel-fixture.ts'
import { cameraToClaim, newRequest } from './gateway-fixture.ts'
import { type GrownAccount, growAccount, type Place } from './grown-account.ts'
import { addOrder, publishApp, reportOf } from './installation-fixture.ts'
import { createTestKeys, type TestKeys } from './ledger-fixture.ts'
import { bearerHeader, type TestAccount, type TestPlatform } from './test-platform.ts'
import { createWholePlatform } from './whole-platform.ts'

vi.setConfig({ testTimeout: 30_000 })

/** What the account has come to have of everything since statistics were gathered. */
const count = 1000
/** Of any one table, for a call that is about one row of each, or about ten. */
const limit = 150

let platform: TestPlatform
let owner: TestAccount
let receiver: TestAccount
let grown: GrownAccount
let keys: TestKeys['keys']
let newApp: string

beforeAll(async () => {
  // one connection: what its statements have read is told by the same process of PostgreSQL
  platform = await createWholePlatform({ maxConnections: 1 })
  const { db } = platform
  // as on the embedded server: with disks that turn, a thousand rows are read whole for ten
  await sql`SET random_page_cost = 1.1`.execute(db)
  keys = (await createTestKeys()).keys
  owner = await platform.account()
  receiver = await platform.account()
  // where an account is one row of each table, the planner takes an account for as good as an id
  for (let n = 0; n < 60; n++) await growAccount(db, (await platform.account()).accountId, 1)
  await sql`ANALYZE`.execute(db)
  const { accountId } = owner
  grown = await growAccount(db, accountId, count)
  newApp = `com.example.${randomUUID().slice(0, 8)}`
  await publishApp(db, { accountId, appId: newApp, versions: [1] })
  await addOrder(db, { accountId, appId: newApp, total: count })
}, 60_000)
afterAll(() => platform.close())

/** By table, rows and index entries that the database's statements have read so far; `account` is of the instance, and small. */
async function rowsRead(): Promise<Map<string, number>> {
  await sql`SELECT pg_stat_force_next_flush()`.execute(platform.db)
  const { rows } = await sql<{ name: string; read: number }>`
    SELECT t.relname AS name, (coalesce(t.seq_tup_read, 0) + coalesce(sum(i.idx_tup_read), 0))::int AS read
    FROM pg_stat_user_tables t LEFT JOIN pg_stat_user_indexes i USING (relid) WHERE t.relname <> 'account'
    GROUP BY t.relid, t.relname, t.seq_tup_read`.execute(platform.db)
  return new Map(rows.map(({ name, read }) => [name, read]))
}

async function ask<Body = unknown>(
  line: Parameters<TestPlatform['call']>[1],
  body?: object,
  headers: TestAccount['headers'] = owner.headers,
): Promise<Body> {
  const answer = await platform.call<Body>({ headers }, line, body)
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
  return answer.body
}

const asGateway = async ({ gatewayId: id }: Place) =>
  bearerHeader(await platform.accessTokens.issue({ kind: 'gateway', id }))
const device = ({ deviceId }: Place) => encodeURIComponent(deviceId)
const software = (appId: string, place: Place) => `/software/v1/apps/${appId}/devices/${device(place)}`
const licenses = (appId: string, place: Place) => `/license/v1/licenses/apps/${appId}/devices/${device(place)}`
const install = (place: Place, more: object = {}) =>
  ask<Installation>(`PUT ${software(newApp, place)}`, { licenseType: 'FULL' }, { ...owner.headers, ...more })
const start = (place: Place) => ask(`POST ${software(grown.appId, place)}/state/RUNNING`)
const rollOut = (place: Place) =>
  ask<Rollout>('POST /software/v1/rollouts', {
    ...{ name: 'Rollout', action: 'INSTALL', appId: newApp, licenseType: 'FULL' },
    devices: { deviceIds: [place.deviceId] },
  })
const claim = async (place: Place, ...more: object[]) =>
  ask(
    'POST /device/v1/claims',
    { devices: more.map((one) => cameraToClaim(randomUUID(), one)) },
    await asGateway(place),
  )

/** The camera says that its app is there, or has gone with the wish of that revision. */
async function report(place: Place, goneWith?: number): Promise<void> {
  const work = {
    ...{ appId: grown.appId, revision: goneWith ?? 0, phase: 'CONVERGED' as const },
    ...{ step: null, percent: null, stepSecondsLeft: null, error: null },
  }
  const app = { appId: grown.appId, name: 'App', runningState: 'RUNNING' as const }
  const said = goneWith
    ? { ...app, present: false, version: null, work }
    : { ...app, present: true, version: '1.0.1', work: null }
  const known = { ...place, accountId: owner.accountId, session: 1, seq: 5 }
  await applyReports(platform.db, [reportOf(known, [said], goneWith ? [work] : [])])
}

/** Sends what is due, until this place's gateway has got its own. */
async function dispatch({ gatewayId }: Place): Promise<void> {
  const sent: string[] = []
  const dispatcher = createDispatcher({
    ...{ db: platform.db, readDesired, sendLogins: async () => {}, log: pino({ level: 'silent' }) },
    publish: (to) => void sent.push(to),
  })
  dispatcher.start()
  await vi.waitFor(() => expect(sent).toContain(gatewayId), { timeout: 20_000, interval: 5 })
  await dispatcher.close()
}

async function enroll({ siteId }: Place): Promise<void> {
  const { token } = await ask<EnrollmentToken>(`POST /device/v1/sites/${siteId}/enrollment-tokens`)
  const { secret } = JSON.parse(Buffer.from(token.slice('oet1.'.length), 'base64url').toString())
  await ask('POST /device/v1/gateways/enroll', { secret, csr: newRequest(), name: 'Box', version: '1' })
}

interface Case {
  name: string
  /** What must have happened before; what it reads does not count. */
  before?: (place: Place) => Promise<unknown>
  call: (place: Place, before: unknown) => Promise<unknown>
  /** Tables that it goes through by design, or whose rows are all at work. */
  walks?: string[]
}

const cases: Case[] = [
  { name: 'an install', call: (place) => install(place) },
  { name: 'an install with a key', call: (place) => install(place, { 'idempotency-key': randomUUID() }) },
  { name: 'the state of an installation', call: (place) => ask(`GET ${software(grown.appId, place)}`) },
  { name: 'a start', call: start },
  { name: 'an update', call: (place) => ask(`POST ${software(grown.appId, place)}`) },
  { name: 'an uninstall', call: (place) => ask(`DELETE ${software(grown.appId, place)}`) },
  { name: 'a license', call: (place) => ask(`POST ${licenses(newApp, place)}`, { licenseType: 'FULL' }) },
  { name: 'the licenses of a pair', call: (place) => ask(`GET ${licenses(grown.appId, place)}`) },
  {
    name: 'the release of a license',
    call: ({ licenseId }) => ask(`POST /license/v1/licenses/${licenseId}/release`, { reason: 'It fell off.' }),
  },
  { name: 'a device', call: (place) => ask(`GET /device/v1/devices/${device(place)}`) },
  {
    name: 'a device that goes to another site',
    call: (place) => ask(`PATCH /device/v1/devices/${device(place)}`, { siteId: grown.places[0]?.siteId }),
  },
  { name: 'devices by tag', call: (place) => ask(`GET /device/v1/devices?tag=${device(place).slice('cam-'.length)}`) },
  { name: 'devices by project', call: ({ projectId }) => ask(`GET /device/v1/devices?projectId=${projectId}`) },
  { name: 'the third page of devices', call: () => ask('GET /device/v1/devices?size=10&page=2') },
  { name: 'a site', call: ({ siteId }) => ask(`GET /device/v1/sites/${siteId}`) },
  {
    name: 'a budget',
    call: ({ siteId }) => ask(`PATCH /device/v1/sites/${siteId}`, { maxInFlight: 7 }),
  },
  { name: 'a gateway', call: ({ gatewayId }) => ask(`GET /device/v1/gateways/${gatewayId}`) },
  { name: 'an enrollment', call: enroll },
  { name: 'a claim', call: (place) => claim(place, {}) },
  { name: 'a claim for another site', call: (place) => claim(place, { siteId: grown.places[0]?.siteId }) },
  { name: 'ten claims', call: (place) => claim(place, ...Array.from({ length: 10 }, () => ({}))) },
  { name: 'a project', call: ({ projectId }) => ask(`GET /account/v1/projects/${projectId}`) },
  {
    name: 'a device for a project',
    call: (place) => ask(`PUT /account/v1/projects/${grown.places[0]?.projectId}/devices/${device(place)}`),
  },
  { name: 'the newest ten orders', call: () => ask('GET /store/v1/orders?size=10') },
  { name: 'an order', call: ({ orderId }) => ask(`GET /store/v1/orders/${orderId}`) },
  { name: 'the confirmation of an order', call: ({ orderId }) => ask(`POST /store/v1/orders/${orderId}/confirm`) },
  {
    name: 'an offer to another account',
    call: ({ deviceId }) =>
      ask('POST /device/v1/transfers', { deviceId, toAccountId: receiver.accountId, withLicenses: true }),
  },
  { name: 'a rollout on one device', call: rollOut },
  {
    name: 'a step of a rollout',
    before: rollOut,
    call: (_, made) => stepRollout(platform.db, (made as Rollout).rolloutId, { settled: [], nowMs: Date.now }),
    // the few that are in flight, for each of the few that single requests are at work on
    walks: ['rollout_device'],
  },
  { name: 'a report', call: (place) => report(place) },
  {
    name: 'a report that gives a unit back',
    before: (place) => ask(`DELETE ${software(grown.appId, place)}`),
    call: (place) => report(place, 6),
  },
  {
    name: 'a license asked for by a gateway',
    before: (place) => install(place),
    call: (place, made) =>
      issueLicensesForGateways(platform.db, keys, [
        {
          ...{ accountId: owner.accountId, assignment: 1, appId: newApp },
          ...{ licenseId: (made as Installation).license?.licenseId ?? '' },
          ...{ gatewayId: place.gatewayId, deviceId: place.deviceId },
        },
      ]),
  },
  {
    name: 'a wish that is sent',
    before: async (place) => {
      // once before: what other tests have wished for
      await start(place)
      await dispatch(place)
      await ask(`POST ${software(grown.appId, place)}/state/NOT_RUNNING`)
    },
    call: dispatch,
    // from the connected gateways to what waits for each
    walks: ['gateway'],
  },
  {
    name: 'a hello',
    call: ({ gatewayId }) =>
      beginSessions(platform.db, [{ gatewayId, hello: hello('c') as Greeting['hello'] }], Date.now()),
  },
  {
    name: 'a heartbeat',
    call: ({ gatewayId }) => noteHeartbeats(platform.db, [{ gatewayId, connectionId: 'c', session: 1 }]),
  },
  {
    name: 'devices that a gateway speaks of',
    call: ({ gatewayId, deviceId }) => readForeignDevices(platform.db, [{ gatewayId, deviceId }]),
  },
  {
    name: 'a gateway that goes away',
    call: ({ gatewayId }) => markAway(platform.db, byPlatform, [{ gatewayId, connectionId: null }]),
  },
  {
    name: 'a share in use',
    call: ({ siteId, gatewayId }) =>
      noteSharesInUse(platform.db, [{ siteId, gatewayId, session: 1, number: 1, inFlight: 2, waiting: 1 }]),
  },
  { name: 'a share given back', call: ({ gatewayId }) => giveBackShares(platform.db, [gatewayId]) },
  {
    name: 'the result of a login',
    call: ({ gatewayId, loginId, deviceId }) =>
      takeResults(platform.db, { gatewayId, accountId: owner.accountId }, [{ loginId, deviceId, error: null }]),
  },
]

let taken = 1
test.each(cases)('$name reads its own rows, however much came since statistics were gathered', async (one) => {
  // by the seventh PostgreSQL has made its plan for any values, and keeps it
  for (let turn = 1; turn <= 7; turn++) {
    const place = grown.places[taken++]
    if (!place) throw new Error('There are more calls than places.')
    const made = await one.before?.(place)
    const before = await rowsRead()
    await one.call(place, made)
    const after = await rowsRead()
    const read = [...after].map(([name, rows]) => [name, rows - (before.get(name) ?? 0)] as const)
    const many = read.filter(([name, rows]) => rows > limit && !one.walks?.includes(name))
    expect({ turn, many: Object.fromEntries(many) }).toEqual({ turn, many: {} })
  }
})

test('the planner is told of every table of accounts that an account may be all of it', async () => {
  const { rows } = await sql`SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE a.attname = 'account_id' AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'account'
      AND NOT coalesce(a.attoptions @> '{n_distinct=1}', false)`.execute(platform.db)
  // a migration that makes such a table says as much of it: see migration 0035
  expect(rows).toEqual([])
})
