import { randomUUID } from 'node:crypto'
import type { InstallationError, Rollout, RolloutRequest, Work } from '@ocelli/contract'
import { sql } from 'kysely'
import { applyReports } from '../src/features/installations/apply-reports.ts'
import { stepRollout } from '../src/features/rollouts/step-rollout.ts'
import type { Database } from '../src/platform/database/database.ts'
import { addOrder, publishApp, reportOf, type TestDevice } from './installation-fixture.ts'
import type { TestAccount, TestPlatform } from './test-platform.ts'

export interface TestFleet {
  account: TestAccount
  appId: string
  devices: TestDevice[]
  siteIds: string[]
  orderId: string
}

/** Claimed, online devices on some sites with a gateway each, an app with versions 1.0.1 and 1.0.2, and units for all. */
export async function makeFleet(
  platform: TestPlatform,
  {
    devices = 10,
    sites = 2,
    units = devices,
    maxInFlight = 1000,
  }: { devices?: number; sites?: number; units?: number; maxInFlight?: number } = {},
): Promise<TestFleet> {
  const { db } = platform
  const account = await platform.account()
  const { accountId } = account
  const appId = `com.example.a${randomUUID().slice(0, 8)}`
  await publishApp(db, { accountId, appId, versions: [1, 2] })
  const orderId = await addOrder(db, { accountId, appId, total: Math.max(1, units) })
  const { rows } = await sql<{ device_id: string; site_id: string; gateway_id: string }>`
    WITH s AS (
      INSERT INTO site (account_id, name, max_in_flight) SELECT ${accountId}, 'Site ' || n, ${maxInFlight} FROM generate_series(1, ${sites}::int) n
      RETURNING site_id
    ), g AS (
      INSERT INTO gateway (account_id, site_id, name, public_key, certificate_serial, certificate_expires_at, session, connected)
      SELECT ${accountId}, site_id, 'gateway', '{}', '1', now() + interval '1 year', 1, true FROM s RETURNING gateway_id, site_id
    ), numbered AS (SELECT *, row_number() OVER () - 1 AS place FROM g)
    INSERT INTO device (account_id, device_id, state, site_id, gateway_id, assignment, connectivity, app_formats, claimed_at, driver)
    SELECT ${accountId}, 'cam-' || left(${accountId}::text, 8) || '-' || lpad(n::text, 6, '0'), 'CLAIMED', g.site_id, g.gateway_id, 1, 'ONLINE', '{apk}', now(), 'onvif'
    FROM generate_series(1, ${devices}::int) n JOIN numbered g ON g.place = n % ${sites}::int
    RETURNING device_id, site_id, gateway_id`.execute(db)
  const made = rows
    .map((row) => ({
      accountId,
      deviceId: row.device_id,
      gatewayId: row.gateway_id,
      siteId: row.site_id,
      session: 1,
      seq: 0,
    }))
    .sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
  return { account, appId, devices: made, siteIds: [...new Set(made.map(({ siteId }) => siteId))], orderId }
}

export const installOf = ({ appId }: TestFleet, request: Partial<RolloutRequest> = {}): RolloutRequest => ({
  name: 'Test',
  action: 'INSTALL',
  appId,
  licenseType: 'FULL',
  devices: { filter: {} },
  ...request,
})

export async function post(
  { app }: TestPlatform,
  account: TestAccount,
  { path = '', body }: { path?: string; body?: unknown } = {},
) {
  const answer = await app.inject({
    method: 'POST',
    url: `/software/v1/rollouts${path}`,
    headers: account.headers,
    ...(body === undefined ? {} : { payload: body as object }),
  })
  return { status: answer.statusCode, body: answer.json() }
}

export async function get<Body = Rollout>({ app }: TestPlatform, account: TestAccount, path: string): Promise<Body> {
  const url = `/software/v1/rollouts${path === '' || path.startsWith('?') ? '' : '/'}${path}`
  const answer = await app.inject({ method: 'GET', url, headers: account.headers })
  if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}: ${answer.body}`)
  return answer.json() as Body
}

/** Steps until there is nothing more to do at once. */
export async function stepAll(
  db: Database,
  rolloutId: string,
  options: { settled?: string[]; nowMs?: () => number } = {},
) {
  const { settled = [], nowMs = Date.now } = options
  let given = settled
  for (let steps = 0; steps < 200; steps++) {
    const { hasMore } = await stepRollout(db, rolloutId, { settled: given, nowMs })
    given = []
    if (!hasMore) return
  }
  throw new Error('A rollout never comes to rest.')
}

/** Devices in flight with the revision that their gateway was sent. */
export async function inFlight(db: Database, rolloutId: string): Promise<{ deviceId: string; revision: number }[]> {
  const { rows } = await sql<{ deviceId: string; revision: number }>`
    SELECT device_id AS "deviceId", revision FROM rollout_device WHERE rollout_id = ${rolloutId} AND state = 'IN_FLIGHT'
    ORDER BY device_id`.execute(db)
  return rows
}

export const failure = (category: InstallationError['category'], retryable = true): InstallationError => ({
  ...{ category, code: `${category}-code`, detail: 'A sentence.', deviceCode: null, retryable },
  at: new Date().toISOString(),
})

/** What a gateway says at the end of a wish: done, or an error. Gives the devices whose installation settled. */
export async function finish(
  db: Database,
  fleet: TestFleet,
  wishes: {
    deviceId: string
    revision: number
    error?: InstallationError | null
    version?: string
    present?: boolean
  }[],
): Promise<string[]> {
  const byId = new Map(fleet.devices.map((device) => [device.deviceId, device]))
  const settled: string[] = []
  const batches = wishes.map(({ deviceId, revision, error = null, version = '1.0.2', present = error === null }) => {
    const device = byId.get(deviceId)
    if (!device) throw new Error(`${deviceId} is not of this fleet.`)
    const work: Work = {
      ...{ revision, step: null, percent: null, stepSecondsLeft: null, error },
      phase: error ? 'FAILED' : 'CONVERGED',
    }
    const app = {
      ...{ appId: fleet.appId, name: 'App', present, version: present ? version : null, work },
      runningState: present ? ('NOT_RUNNING' as const) : ('UNKNOWN' as const),
    }
    return reportOf(device, [app], [{ appId: fleet.appId, ...work }], { revision })
  })
  await applyReports(db, batches, (pairs) => void settled.push(...pairs.map(({ deviceId }) => deviceId)))
  return settled
}

/** Counters recounted from the devices, which must equal what the waves say. */
export async function recount(db: Database, rolloutId: string): Promise<{ counted: unknown; kept: unknown }> {
  const counted =
    await sql`SELECT wave, lower(state) AS state, count(*)::int AS n FROM rollout_device WHERE rollout_id = ${rolloutId}
    GROUP BY 1, 2 ORDER BY 1, 2`.execute(db)
  const kept = await sql`SELECT w.wave, k.key AS state, k.value::int AS n FROM rollout_wave w,
      jsonb_each_text(to_jsonb(w) - ARRAY['rollout_id', 'wave', 'percent', 'count', 'started_at', 'ended_at', 'total']) k
    WHERE w.rollout_id = ${rolloutId} AND k.value <> '0' ORDER BY 1, 2`.execute(db)
  return { counted: counted.rows, kept: kept.rows }
}

export async function unitsUsed(db: Database, { orderId }: TestFleet): Promise<{ used: number; held: number }> {
  const { rows } = await sql<{ used: number; held: number }>`SELECT o.used, (SELECT count(*)::int FROM license l
    WHERE l.order_id = o.order_id AND l.state IN ('RESERVED', 'VALID')) AS held FROM app_order o WHERE o.order_id = ${orderId}`.execute(
    db,
  )
  return rows[0] ?? { used: -1, held: -2 }
}
