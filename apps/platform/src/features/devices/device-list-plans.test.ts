import { randomUUID } from 'node:crypto'
import type { DeviceQuery } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import type { Caller } from '../../platform/auth/caller.ts'
import { type Database, openDatabase } from '../../platform/database/database.ts'
import { devicePage } from './list-devices.ts'

const accountId = randomUUID()
const caller: Caller = { kind: 'user', id: '', accountId, permissions: new Set(), scope: { all: true } }
const [siteId, gatewayId, projectId] = [randomUUID(), randomUUID(), randomUUID()]
let db: Database
let close: () => Promise<void>

beforeAll(async () => {
  const database = await createTestDatabase()
  const opened = openDatabase({ connectionString: database.connectionString, maxConnections: 2, onError: () => {} })
  db = opened.db
  close = () => opened.close().then(() => database.drop())
  await sql`INSERT INTO account (account_id, name) VALUES (${accountId}, 'one')`.execute(db)
  await sql`INSERT INTO site (site_id, account_id, name) VALUES (${siteId}, ${accountId}, 'one')`.execute(db)
  await sql`INSERT INTO project (project_id, account_id, name) VALUES (${projectId}, ${accountId}, 'one')`.execute(db)
  await sql`INSERT INTO gateway (gateway_id, account_id, site_id, name, public_key, certificate_serial, certificate_expires_at)
    VALUES (${gatewayId}, ${accountId}, ${siteId}, 'one', '{}', '1', now())`.execute(db)
  await sql`INSERT INTO device (account_id, device_id, state, site_id, gateway_id, claimed_at, model, customer, tags, connectivity,
      apps_update_possible)
    SELECT ${accountId}, 'camera' || n, CASE WHEN n % 100 = 0 THEN 'UNCLAIMED' ELSE 'CLAIMED' END,
      ${siteId}, ${gatewayId}, now(), 'M' || n % 100, 'C' || n % 100,
      ARRAY['t' || n % 2000], CASE WHEN n % 100 = 0 THEN 'OFFLINE' ELSE 'ONLINE' END, n % 100 = 0
    FROM generate_series(1, 100000) n`.execute(db)
  await sql`INSERT INTO project_device (account_id, project_id, device_id)
    SELECT ${accountId}, ${projectId}, 'camera' || n FROM generate_series(1, 100000, 1000) n`.execute(db)
  await sql`INSERT INTO installation (account_id, device_id, app_id, present)
    SELECT ${accountId}, 'camera' || n, 'app' || n % 50, true FROM generate_series(1, 100000, 10) n`.execute(db)
  await sql`ANALYZE`.execute(db)
}, 120_000)
afterAll(() => close())

test.each<[string, DeviceQuery]>([
  ['device_unclaimed', { state: 'UNCLAIMED' }],
  ['device_connectivity', { connectivity: 'OFFLINE' }],
  ['device_update_possible', { appsUpdatePossible: true }],
  ['device_model', { model: 'M7' }],
  ['device_customer', { customer: 'C7' }],
  ['device_tags', { tag: 't7' }],
  ['device_projects', { projectId }],
  ['installation_app', { appId: 'app1' }],
  ['device_site', { siteId }],
  ['device_gateway', { gatewayId }],
  ['device_pkey', {}],
])('100,000 devices are not read one after another where %s helps: %o', async (index, query) => {
  const { rows } = await sql<{ 'QUERY PLAN': string }>`EXPLAIN ${devicePage(caller, query, {})}`.execute(db)
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
  expect(plan).not.toMatch(/Seq Scan/)
  // every device is of this one site and gateway: the order of the primary key serves them as well
  if (!['device_site', 'device_gateway'].includes(index)) expect(plan).toContain(index)
})

test('a cursor goes to its place in the primary key', async () => {
  const { rows } = await sql<{ 'QUERY PLAN': string }>`
    EXPLAIN ${devicePage(caller, {}, { after: 'camera5' })}`.execute(db)
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
  expect(plan).toMatch(/Index Scan using device_pkey[\s\S]*Index Cond: [^\n]*device_id > /)
})
