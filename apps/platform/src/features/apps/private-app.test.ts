import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Customer, createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import { offlineRoutes } from '../../../test/offline-fixture.ts'
import { noLimits } from '../../../test/test-platform.ts'
import { projectRoutes } from '../projects/projects-routes.ts'
import { rolloutRoutes } from '../rollouts/rollout-routes.ts'

let ledger: Ledger
let maker: Customer
let former: Customer
let deviceId: string
let projectId: string
beforeAll(async () => {
  ledger = await createLedger((keys, { db, bearer }) => [
    ...offlineRoutes(keys),
    ...projectRoutes({ forget: () => {} }),
    ...rolloutRoutes({
      ...{ db, authenticate: bearer.authenticate, ...noLimits, nowMs: Date.now, wakeRollouts: () => {} },
      closing: AbortSignal.timeout(600_000),
    }),
  ])
  maker = await ledger.customer()
  former = await ledger.customer()
  deviceId = (await former.device()).deviceId
  projectId = (await former.call('POST', '/account/v1/projects', { name: 'Hall' })).body.projectId
  // ordered while the app was listed: never confirmed, called off, or over
  for (const state of ['PLACED', 'CANCELLED', 'ENDED'])
    await sql`INSERT INTO app_order (account_id, app_id, license_type, total, state)
      VALUES (${former.accountId}, ${maker.appId}, 'FULL', ${state === 'ENDED' ? 0 : 1}, ${state})`.execute(ledger.db)
})
afterAll(() => ledger?.close())

const full = { licenseType: 'FULL' }
const attempts: [string, () => ReturnType<Customer['call']>][] = [
  ['installed', () => former.call('PUT', `/software/v1/apps/${maker.appId}/devices/${deviceId}`, full)],
  ['updated', () => former.call('POST', `/software/v1/apps/${maker.appId}/devices/${deviceId}`)],
  ['licensed', () => former.call('POST', `/license/v1/licenses/apps/${maker.appId}/devices/${deviceId}`, full)],
  [
    'rolled out in a dry run',
    () =>
      former.call('POST', '/software/v1/rollouts', {
        ...{ name: 'Look', action: 'INSTALL', appId: maker.appId, ...full, devices: { filter: {} }, dryRun: true },
      }),
  ],
  [
    'bundled',
    () =>
      former.call('POST', '/license/v1/bundles', {
        ...{ apps: [{ appId: maker.appId, ...full }], devices: [{ deviceId: randomUUID() }] },
      }),
  ],
  ['put into a project', () => former.call('PUT', `/account/v1/projects/${projectId}/apps/${maker.appId}`)],
]

test.each(attempts)('a private app that the account holds no units of is not there to be %s', async (_, attempt) => {
  expect(await attempt()).toMatchObject({ status: 404, body: { code: 'not-found' } })
})
