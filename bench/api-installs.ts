import { deviceIdOf, type Fleet } from './fleet.ts'
import { createCaller, runRound } from './load.ts'
import type { PlatformProcess } from './platform-process.ts'
import { cpuMs } from './process-memory.ts'
import { print, printFigure, quantile } from './report.ts'

const appId = 'com.example.bench'
const concurrency = 50
const warmUp = 500
const rounds = 3
const perRound = 1500

/** Install calls that all take their unit from one order line, and whether each unit was counted once. */
export async function benchInstalls(platform: PlatformProcess, fleet: Fleet): Promise<void> {
  await publishAndBuy(platform, fleet)
  const caller = createCaller(concurrency)
  try {
    let next = 1
    const install = (count: number) => {
      const calls = Array.from({ length: count }, () => ({
        method: 'PUT',
        url: `${platform.url}/software/v1/apps/${appId}/devices/${deviceIdOf(next++)}`,
        headers: { authorization: `Bearer ${platform.accessToken}`, 'content-type': 'application/json' },
        body: '{"licenseType":"FULL"}',
      }))
      return runRound(caller, calls, { concurrency, expect: [202] })
    }
    await install(warmUp)
    const measured = []
    const usedBeforeMs = await cpuMs(platform.pid)
    for (let round = 0; round < rounds; round++) measured.push(await install(perRound))
    const cpuEachMs = ((await cpuMs(platform.pid)) - usedBeforeMs) / (rounds * perRound)
    const rates = measured.map(({ perSecond }) => perSecond)
    const slowest = measured.map(({ latenciesMs }) => quantile(latenciesMs, 0.95))
    printFigure(`installs committed on one order line, ${concurrency} at a time`, rates, {
      unit: '/s',
      digits: 0,
      target: { value: 800, isAtLeast: true },
    })
    printFigure('  p95', slowest, { unit: 'ms' })
    printFigure('  processor time of the platform process, each', [cpuEachMs], { unit: 'ms', digits: 2 })
    await requireExactAccounts(platform, warmUp + rounds * perRound)
  } finally {
    caller.close()
  }
}

async function publishAndBuy({ pool }: PlatformProcess, { accountId }: Fleet): Promise<void> {
  await pool.query(
    `INSERT INTO app (app_id, account_id, name, signer_sha256) VALUES ($1, $2, 'Bench', repeat('0', 64))`,
    [appId, accountId],
  )
  await pool.query(`INSERT INTO app_version (app_id, version_code, version) VALUES ($1, 1, '1.0')`, [appId])
  await pool.query(
    `INSERT INTO app_package (app_id, version_code, format, size, sha256) VALUES ($1, 1, 'apk', 1000, repeat('0', 64))`,
    [appId],
  )
  await pool.query(
    `INSERT INTO app_order (account_id, app_id, license_type, total, state, confirmed_at)
     VALUES ($1, $2, 'FULL', 50000, 'CONFIRMED', now())`,
    [accountId, appId],
  )
}

async function requireExactAccounts({ pool }: PlatformProcess, expected: number): Promise<void> {
  const { rows } = await pool.query<{ used: number; licenses: number; installations: number }>(
    `SELECT used, (SELECT count(*)::int FROM license l WHERE l.order_id = o.order_id AND l.state IN ('RESERVED', 'VALID')) AS licenses,
      (SELECT count(*)::int FROM installation WHERE app_id = o.app_id AND license_id IS NOT NULL) AS installations
     FROM app_order o WHERE app_id = $1`,
    [appId],
  )
  const found = rows[0]
  if (found?.used !== expected || found.licenses !== expected || found.installations !== expected) {
    throw new Error(`${expected} installs were accepted, but the accounts say ${JSON.stringify(found)}.`)
  }
  print(`  accounts exact: ${expected} accepted, used ${found.used}, licenses ${found.licenses}`)
}
