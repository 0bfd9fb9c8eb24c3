import { createHash, randomUUID } from 'node:crypto'
import { deviceIdOf, type Fleet } from './fleet.ts'
import { type Call, type Caller, createCaller, runRound } from './load.ts'
import type { PlatformProcess } from './platform-process.ts'
import { cpuMs, cpuWithChildrenMs, parentOf } from './process-memory.ts'
import { publishAndBuy } from './publish-and-buy.ts'
import { print, printFigure, quantile, type Target } from './report.ts'

const appId = 'com.example.bench'
const concurrency = 50
const warmUp = 500
const rounds = 3
const perRound = 1500
const total = warmUp + rounds * perRound
const accounts = 50

/** Install calls that all take their unit from one order line, and such of many accounts; whether each unit was counted once. */
export async function benchInstalls(platform: PlatformProcess, fleet: Fleet): Promise<void> {
  await publishAndBuy(platform, { appId, accountId: fleet.accountId, units: 3 * total })
  const own = (from: number, more: Record<string, string> = {}) =>
    Array.from({ length: total }, (_, at) => ({
      ...installOf(platform, { appId, deviceId: deviceIdOf(from + at), token: platform.accessToken }),
      ...more,
    }))
  const caller = createCaller(concurrency)
  try {
    const name = `installs committed on one order line, ${concurrency} at a time`
    await measure(platform, { name, caller, calls: own(1), target: { value: 800, isAtLeast: true } })
    await requireExactAccounts(platform, appId, total)
    const keyed = own(1 + total).map((call) => ({
      ...call,
      headers: { ...call.headers, 'idempotency-key': randomUUID() },
    }))
    await measure(platform, { name: 'the same with an Idempotency-Key each', caller, calls: keyed })
    await requireExactAccounts(platform, appId, 2 * total)
    const mixed = await makeAccounts(platform)
    await measure(platform, {
      name: `installs of ${accounts} accounts, an app and an order line each`,
      caller,
      calls: mixed,
    })
    await requireExactAccounts(platform, `${appId}.%`, total)
  } finally {
    caller.close()
  }
}

/** The first calls warm up, the others are measured in rounds. */
async function measure(
  platform: PlatformProcess,
  { name, caller, calls, target }: { name: string; caller: Caller; calls: Call[]; target?: Target },
): Promise<void> {
  const { rows } = await platform.pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const postmaster = await parentOf(rows[0]?.pid ?? 0)
  const run = (part: Call[]) => runRound(caller, part, { concurrency, expect: [202] })
  await run(calls.slice(0, warmUp))
  const before = [await cpuMs(platform.pid), await cpuWithChildrenMs(postmaster)] as const
  const measured = []
  for (let at = warmUp; at < calls.length; at += perRound) measured.push(await run(calls.slice(at, at + perRound)))
  const after = [await cpuMs(platform.pid), await cpuWithChildrenMs(postmaster)] as const
  const each = (part: 0 | 1) => [(after[part] - before[part]) / (calls.length - warmUp)]
  printFigure(
    name,
    measured.map(({ perSecond }) => perSecond),
    { unit: '/s', digits: 0, ...(target ? { target } : {}) },
  )
  const slowest = measured.map(({ latenciesMs }) => quantile(latenciesMs, 0.95))
  printFigure('  p95', slowest, { unit: 'ms' })
  printFigure('  processor time of the platform process, each', each(0), { unit: 'ms', digits: 2 })
  printFigure('  processor time of PostgreSQL, each', each(1), { unit: 'ms', digits: 2 })
}

function installOf(
  { url }: PlatformProcess,
  { appId: app, deviceId, token }: { appId: string; deviceId: string; token: string },
) {
  return {
    method: 'PUT',
    url: `${url}/software/v1/apps/${app}/devices/${deviceId}`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"licenseType":"FULL"}',
  }
}

/** Accounts with a person, a gateway, devices, an app and an order each, written by SQL. Gives their installs, in turns. */
async function makeAccounts(platform: PlatformProcess): Promise<Call[]> {
  const owned: Call[][] = []
  const each = total / accounts
  for (let number = 1; number <= accounts; number++) {
    const token = `ocp_bench-${number}`
    const { rows } = await platform.pool.query<{ account_id: string }>(
      `WITH a AS (INSERT INTO account (name) VALUES ($1) RETURNING account_id),
        u AS (INSERT INTO account_user (account_id, email, permissions, auth_user_id)
          SELECT account_id, $1 || '@example.com', '{apps:install}', $1 FROM a RETURNING account_id, user_id),
        t AS (INSERT INTO access_token (account_id, user_id, name, token_hash) SELECT account_id, user_id, $1, $2 FROM u),
        s AS (INSERT INTO site (account_id, name) SELECT account_id, $1 FROM a RETURNING account_id, site_id),
        g AS (INSERT INTO gateway (account_id, site_id, name, public_key, certificate_serial, certificate_expires_at)
          SELECT account_id, site_id, $1, '{}', '01', now() + interval '1 year' FROM s RETURNING account_id, site_id, gateway_id),
        d AS (INSERT INTO device (account_id, device_id, state, app_formats, site_id, gateway_id, connectivity, assignment, claimed_at)
          SELECT account_id, $1 || '-' || n, 'CLAIMED', '{apk}', site_id, gateway_id, 'ONLINE', 1, now()
          FROM g, generate_series(1, $3::int) n)
      SELECT account_id FROM a`,
      [`bench-${number}`, createHash('sha256').update(token).digest('base64url'), each],
    )
    const app = `${appId}.n${number}`
    await publishAndBuy(platform, { appId: app, accountId: rows[0]?.account_id ?? '', units: each })
    owned.push(
      Array.from({ length: each }, (_, at) =>
        installOf(platform, { appId: app, deviceId: `bench-${number}-${at + 1}`, token }),
      ),
    )
  }
  await platform.pool.query('VACUUM ANALYZE')
  return Array.from({ length: each }, (_, at) => owned.flatMap((calls) => calls[at] ?? [])).flat()
}

async function requireExactAccounts({ pool }: PlatformProcess, apps: string, expected: number): Promise<void> {
  const { rows } = await pool.query<{ used: number; licenses: number; installations: number }>(
    `SELECT sum(used)::int AS used,
      (SELECT count(*)::int FROM license WHERE app_id LIKE $1 AND state IN ('RESERVED', 'VALID')) AS licenses,
      (SELECT count(*)::int FROM installation WHERE app_id LIKE $1 AND license_id IS NOT NULL) AS installations
     FROM app_order WHERE app_id LIKE $1`,
    [apps],
  )
  const found = rows[0]
  if (found?.used !== expected || found.licenses !== expected || found.installations !== expected) {
    throw new Error(`${expected} installs were accepted, but the accounts say ${JSON.stringify(found)}.`)
  }
  print(`  accounts exact: ${expected} accepted, used ${found.used}, licenses ${found.licenses}`)
}
