import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import type { Caller } from '../../platform/auth/caller.ts'
import { type Database, openDatabase } from '../../platform/database/database.ts'
import { type Cursor, encodeCursor } from './event-cursor.ts'
import { type EventFilter, type Reach, readEvents } from './read-events.ts'

const accountId = randomUUID()
const [project, licenseId] = [randomUUID(), randomUUID()]
const all: Caller = { kind: 'user', id: '', accountId, permissions: new Set(), scope: { all: true } }
const member: Caller = { ...all, scope: { all: false, projectIds: [project] } }
const count = 100_000
let db: Database
let close: () => Promise<void>

/** Of a hundred thousand events every 20,000th is rare; nothing was analyzed yet, and PostgreSQL 15 then takes the account for a small one. */
beforeAll(async () => {
  const database = await createTestDatabase()
  const opened = openDatabase({ ...database, maxConnections: 1, onError: () => {} })
  db = opened.db
  close = () => opened.close().then(() => database.drop())
  await sql`ALTER TABLE event SET (autovacuum_enabled = false)`.execute(db)
  await sql`INSERT INTO account (account_id, name) VALUES (${accountId}, 'one')`.execute(db)
  await sql`INSERT INTO license (license_id, account_id, app_id, device_id, license_type, issuer, state)
    VALUES (${licenseId}, ${accountId}, 'app', 'camera7', 'FULL', 'VENDOR', 'RELEASED')`.execute(db)
  await sql`INSERT INTO event (account_id, type, actor_kind, device_id, app_id, license_id, project_ids)
    SELECT ${accountId}, CASE WHEN n % 20000 = 0 THEN 'license.conflict' ELSE 'device.changed' END, 'platform', 'camera' || n % 1000, 'app',
      CASE WHEN n IN (7, 99007) THEN ${licenseId}::uuid END, CASE WHEN n % 20000 = 0 THEN ARRAY[${project}::uuid] ELSE ARRAY[gen_random_uuid()] END
    FROM generate_series(1, ${count}::int) n`.execute(db)
  // what runs in other databases of the tests' server may hold events back for a moment
  const settled = async () =>
    (await sql<{ count: number }>`SELECT count(*)::int AS count FROM event WHERE xid < event_horizon()`.execute(db))
      .rows
  await vi.waitFor(async () => expect(await settled()).toEqual([{ count }]), { timeout: 60_000 })
}, 120_000)
afterAll(() => close())

/** All pages up to the present, with how many rows of `event` were fetched for the widest of them. */
async function readAll(
  caller: Caller,
  filter: EventFilter,
  options: { limit?: number; reach?: Reach; after?: Cursor } = {},
) {
  const { limit = 1000, reach, after = null } = options
  const pages: number[] = []
  const ids: string[] = []
  let [cursor, widest]: [Cursor | null, number] = [after, 0]
  for (;;) {
    const found = await db.transaction().execute(async (transaction) => {
      const fetched = async () => {
        const { rows } = await sql<{ fetched: number }>`
          SELECT sum(pg_stat_get_xact_tuples_returned(i) + pg_stat_get_xact_tuples_fetched(i))::int AS fetched
          FROM (SELECT 'event'::regclass::oid AS i UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid = 'event'::regclass) t`.execute(
          transaction,
        )
        return rows[0]?.fetched ?? 0
      }
      const before = await fetched()
      const page = await readEvents(transaction, caller, { filter, after: cursor, limit, ...(reach ? { reach } : {}) })
      widest = Math.max(widest, (await fetched()) - before)
      return page
    })
    pages.push(found.events.length)
    ids.push(...found.events.map(({ eventId }) => eventId))
    cursor = found.cursor
    if (!found.hasMore) return { pages, ids, cursor, widest }
  }
}

const rare: [string, Caller, EventFilter][] = [
  ['a type', all, { type: 'license.conflict' }],
  ['an app and a type', all, { type: 'license.conflict', appId: 'app' }],
  ['a project', member, {}],
]

test.each(rare)(
  '%s that seldom occurs is looked for in a part of the log at a time, and nothing is left out',
  async (_, caller, filter) => {
    const reach = { first: 1000, most: 4000, total: 9000 }
    const { pages, ids, widest } = await readAll(caller, filter, { reach })
    expect(pages).toHaveLength(count / reach.total + 1 - ((count / reach.total) % 1))
    expect(pages).toContain(0)
    expect(ids).toHaveLength(5)
    expect(new Set(ids).size).toBe(5)
    // each row once for how far it goes, and once for whether it fits; by the index and by the table
    expect(widest).toBeLessThan(4 * (reach.total + reach.most))
    expect((await readAll(caller, filter)).ids).toEqual(ids)
  },
)

test('a full page ends at its last event, and the next one goes on behind it', async () => {
  const [, caller, filter] = rare[0] ?? fail()
  const { pages, ids } = await readAll(caller, filter, { limit: 2 })
  expect([pages, ids.length]).toEqual([[2, 2, 1], 5])
})

test('who has read up to the present looks at no event twice', async () => {
  const [, caller, filter] = rare[0] ?? fail()
  const { cursor } = await readAll(caller, filter)
  const again = await readAll(caller, filter, cursor ? { after: cursor } : {})
  expect(again.pages).toEqual([0])
  expect(again.widest).toBeLessThan(10)
  await sql`INSERT INTO event (account_id, type, actor_kind) VALUES (${accountId}, 'license.conflict', 'platform')`.execute(
    db,
  )
  await expect
    .poll(async () => (await readAll(caller, filter, cursor ? { after: cursor } : {})).ids, { timeout: 20_000 })
    .toHaveLength(1)
})

test.each<[string, EventFilter, number]>([
  ['a license', { licenseId }, 2],
  ['a device', { deviceId: 'camera7' }, 100],
  ['a device and a type', { deviceId: 'camera7', type: 'none' }, 0],
])('the events of %s are found by the index of its device', async (_, filter, expected) => {
  const { pages, widest } = await readAll(all, filter)
  expect(pages).toEqual([expected])
  expect(widest).toBeLessThan(400)
})

test('a license that nobody has ends the search', async () => {
  expect(await readAll(all, { licenseId: randomUUID() })).toMatchObject({ pages: [0], ids: [] })
})

test('the position reached is a cursor like any other', async () => {
  const { cursor } = await readAll(all, { type: 'none' })
  expect(cursor && encodeCursor(cursor)).toMatch(/^\d+-0$/)
})

function fail(): never {
  throw new Error('There is no such filter.')
}
