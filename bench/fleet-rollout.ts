import { setTimeout as pause } from 'node:timers/promises'
import type { Enrollment, Rollout } from '@ocelli/contract'
import { enrollGateways } from './enroll-gateways.ts'
import { type ChannelTraffic, createLoadGateway, type LoadGateway } from './fleet-gateway.ts'
import { createGatewayKey } from './gateway-key.ts'
import { type PlatformProcess, startPlatformProcess } from './platform-process.ts'
import { cpuMs, cpuWithChildrenMs, parentOf } from './process-memory.ts'
import { publishAndBuy } from './publish-and-buy.ts'
import { print, printFigure } from './report.ts'

const gateways = 200
const failingPercent = 3
const endsWithinMs = 600_000

interface Setup {
  platform: PlatformProcess
  accountId: string
  postmaster: number
  traffic: ChannelTraffic
}

/** Rolls an app out to a fleet behind 200 gateways over the true channel: first to 1,000 devices, then to all, with a kill. */
export async function benchFleet(): Promise<void> {
  const devices = Number(process.env.BENCH_FLEET ?? 10_000)
  const platform = await startPlatformProcess()
  let load: LoadGateway[] = []
  try {
    const { rows } = await platform.pool.query<{ account_id: string; pid: number }>(
      'SELECT account_id, pg_backend_pid() AS pid FROM account WHERE is_operator',
    )
    const accountId = rows[0]?.account_id ?? ''
    const setup: Setup = {
      ...{ platform, accountId, traffic: { upBytes: 0, downBytes: 0 } },
      postmaster: await parentOf(rows[0]?.pid ?? 0),
    }
    const key = createGatewayKey()
    const enrollments = await enrollGateways(platform, {
      ...{ accountId, csr: key.certificateRequest(), count: gateways, maxInFlight: 100 },
    })
    const fails = (deviceId: string) => Number(deviceId.slice(3)) % 100 < failingPercent
    const owned = await claim(setup, enrollments, devices)
    load = enrollments.map((enrollment, at) =>
      createLoadGateway({
        ...{ enrollment, privatePem: key.privatePem, fails, traffic: setup.traffic },
        deviceIds: owned[at] ?? [],
      }),
    )
    await Promise.all(load.map(({ welcomed }) => welcomed))
    print(`${gateways} gateways with ${devices} devices are connected`)
    const small = await rollOut(setup, { name: 'first', tag: 'first', devices: Math.min(1000, devices), kills: false })
    const whole = await rollOut(setup, {
      name: 'whole',
      tag: 'fleet',
      devices,
      kills: process.env.BENCH_KILL !== 'off',
    })
    printFigure(`processor time for each device at ${devices} against 1,000`, [whole.cpuEachMs / small.cpuEachMs], {
      unit: 'times',
      digits: 2,
      target: { value: 1.3, isAtLeast: false },
    })
    printFigure(`devices/s at ${devices}`, [whole.perSecond], {
      unit: '/s',
      digits: 0,
      target: { value: 1000, isAtLeast: true },
    })
  } finally {
    await Promise.all(load.map((one) => one.close()))
    await platform.stop()
  }
}

/** Claimed, online devices, shared out evenly. The first thousand carry a tag of their own. */
async function claim({ platform, accountId }: Setup, enrollments: Enrollment[], devices: number): Promise<string[][]> {
  const ids = enrollments.map(({ gatewayId }) => gatewayId)
  await platform.pool.query(
    `INSERT INTO device (account_id, device_id, state, name, manufacturer, model, serial_number, firmware_version, architecture,
       platform_level, driver, app_formats, address, site_id, gateway_id, tags, connectivity, last_seen_at, assignment, claimed_at)
     SELECT $1, 'CAM' || lpad(n::text, 9, '0'), 'CLAIMED', 'Camera ' || n, 'Example', 'Model ' || n % 10, 'SN' || n, '9.80.1', 'arm64-v8a', 29,
       'onvif', '{apk}', 'http://192.0.2.' || n % 250, g.site_id, g.gateway_id,
       CASE WHEN n <= 1000 THEN '{first,fleet}'::text[] ELSE '{fleet}'::text[] END, 'ONLINE', now(), 1, now()
     FROM generate_series(1, $2::int) n
     JOIN unnest($3::uuid[]) WITH ORDINALITY AS t(gateway_id, place) ON t.place = n % ${gateways} + 1
     JOIN gateway g ON g.gateway_id = t.gateway_id`,
    [accountId, devices, ids],
  )
  await platform.pool.query('VACUUM ANALYZE')
  const owned: string[][] = ids.map(() => [])
  for (let n = 1; n <= devices; n++) owned[n % gateways]?.push(`CAM${String(n).padStart(9, '0')}`)
  return owned
}

/** One rollout from the request to its end, by an app of its own. */
async function rollOut(
  setup: Setup,
  { name, tag, devices, kills }: { name: string; tag: string; devices: number; kills: boolean },
): Promise<{ perSecond: number; cpuEachMs: number }> {
  const { platform, traffic, postmaster } = setup
  const appId = `com.example.${name}`
  await publishAndBuy(platform, { appId, accountId: setup.accountId, units: devices })
  const sizeBefore = await databaseBytes(setup)
  const before = { ...traffic, generator: process.cpuUsage(), postgres: await cpuWithChildrenMs(postmaster) }
  let platformBeforeMs = await cpuMs(platform.pid)
  let platformUsedMs = 0
  const askedAtMs = performance.now()
  const made = await call<Rollout>(setup, 'POST', '', {
    ...{ name, action: 'INSTALL', appId, licenseType: 'FULL', devices: { filter: { tag } } },
    strategy: {
      waves: [{ percent: 5, minSuccessPercent: 80 }, { percent: 50, minSuccessPercent: 90 }, { percent: 100 }],
      abort: [{ on: 'ALL', percent: 50, minDevices: 1000 }],
    },
  })
  const madeMs = performance.now() - askedAtMs
  let downMs = 0
  let isKilled = !kills
  let now = made
  const untilMs = performance.now() + endsWithinMs
  while (now.state !== 'COMPLETED') {
    if (performance.now() > untilMs || now.state === 'PAUSED' || now.state === 'ABORTED') {
      throw new Error(`The rollout is ${now.state} (${now.reason?.detail}) with ${JSON.stringify(now.counters)}.`)
    }
    if (!isKilled && now.counters.succeeded > devices / 2) {
      isKilled = true
      platformUsedMs += (await cpuMs(platform.pid)) - platformBeforeMs
      const killedAtMs = performance.now()
      await platform.killAndRestart()
      downMs = performance.now() - killedAtMs
      platformBeforeMs = 0
    }
    await pause(100)
    now = await call<Rollout>(setup, 'GET', `/${made.rolloutId}`)
  }
  const seconds = (performance.now() - askedAtMs) / 1000
  platformUsedMs += (await cpuMs(platform.pid)) - platformBeforeMs
  const generator = process.cpuUsage(before.generator)
  const postgresMs = (await cpuWithChildrenMs(postmaster)) - before.postgres
  const expected = Math.round((devices * (100 - failingPercent)) / 100)
  const { counters } = now
  print('')
  print(
    `rollout "${name}" to ${devices} devices in ${now.waves.length} waves${kills ? ', the platform killed in the middle' : ''}`,
  )
  print(`  counters ${JSON.stringify(counters)}`)
  if (counters.succeeded !== expected || counters.succeeded + counters.rejected !== devices) {
    throw new Error(`${expected} devices should have succeeded and the others been rejected.`)
  }
  await requireExactUnits(setup, { appId, expected })
  const figure = (text: string, value: number, unit: string, digits = 1) =>
    printFigure(`  ${text}`, [value], { unit, digits })
  figure('made (devices written, licenses reserved)', madeMs / 1000, 's', 2)
  figure('from the request to the end', seconds, 's', 2)
  if (kills) figure('of this, from the kill until ready again', downMs / 1000, 's', 2)
  figure('devices/s, everything counted', devices / seconds, '/s', 0)
  figure('devices/s, without the time that the platform was away', devices / (seconds - downMs / 1000), '/s', 0)
  figure('processor time of the platform', platformUsedMs / 1000, 's', 2)
  figure('processor time of PostgreSQL', postgresMs / 1000, 's', 2)
  figure('processor time of the load generator', (generator.user + generator.system) / 1e6, 's', 2)
  const cpuEachMs = (platformUsedMs + postgresMs) / devices
  figure('processor time of platform and PostgreSQL, each device', cpuEachMs, 'ms', 2)
  figure('channel bytes up, each device', (traffic.upBytes - before.upBytes) / devices, 'B', 0)
  figure('channel bytes down, each device', (traffic.downBytes - before.downBytes) / devices, 'B', 0)
  const size = await databaseBytes(setup)
  figure('database', size / 1e6, 'MB', 0)
  figure('database growth, each device', (size - sizeBefore) / devices / 1000, 'kB', 2)
  return { perSecond: devices / seconds, cpuEachMs }
}

async function requireExactUnits(
  { platform: { pool } }: Setup,
  { appId, expected }: { appId: string; expected: number },
): Promise<void> {
  const { rows } = await pool.query<{ used: number; held: number }>(
    `SELECT o.used, (SELECT count(*)::int FROM license l WHERE l.order_id = o.order_id AND l.state IN ('RESERVED', 'VALID')) AS held
     FROM app_order o WHERE o.app_id = $1`,
    [appId],
  )
  const { used, held } = rows[0] ?? { used: -1, held: -1 }
  if (used !== expected || held !== expected)
    throw new Error(`${expected} units should be used; ${used} are counted, ${held} held.`)
  print(`  units: ${used} used, ${held} held, as many as devices that succeeded`)
}

async function databaseBytes({ platform: { pool } }: Setup): Promise<number> {
  const { rows } = await pool.query<{ bytes: string }>('SELECT pg_database_size(current_database()) AS bytes')
  return Number(rows[0]?.bytes)
}

async function call<Body>(
  { platform: { url, accessToken } }: Setup,
  method: string,
  path: string,
  body?: object,
): Promise<Body> {
  const answer = await fetch(`${url}/software/v1/rollouts${path}`, {
    method,
    headers: { authorization: `Bearer ${accessToken}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as Body
}
