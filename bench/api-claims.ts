import type { ClaimItem, ClaimResult } from '@ocelli/contract'
import type { Fleet } from './fleet.ts'
import { type Call, createCaller, runRound } from './load.ts'
import { fetchToken, type PlatformProcess } from './platform-process.ts'
import { print, printFigure } from './report.ts'

const rounds = 3
const single = { perRound: 1500, concurrency: 10 }
const bulk = { perRound: 5, size: 1000 }

/** Cameras never seen before, claimed by a gateway: one per request, and a thousand per request. */
export async function benchClaims(platform: PlatformProcess, fleet: Fleet): Promise<void> {
  const token = await fetchToken(platform.url, fleet.gatewayKey.assertionForm(fleet.gatewayId))
  const caller = createCaller(single.concurrency)
  let made = 0
  const claims = (size: number): Call => ({
    method: 'POST',
    url: `${platform.url}/device/v1/claims`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ devices: Array.from({ length: size }, () => camera(++made)) }),
  })
  const run = (calls: Call[], concurrency: number) => runRound(caller, calls, { concurrency })
  try {
    await run(
      Array.from({ length: 300 }, () => claims(1)),
      single.concurrency,
    )
    const rates: number[] = []
    for (let round = 0; round < rounds; round++) {
      const calls = Array.from({ length: single.perRound }, () => claims(1))
      rates.push((await run(calls, single.concurrency)).perSecond)
    }
    printFigure(`claims, one per request, ${single.concurrency} at a time`, rates, {
      unit: '/s',
      digits: 0,
      target: { value: 500, isAtLeast: true },
    })
    await requireClaimed(await caller.call(claims(bulk.size), { keepText: true }))
    const bulkRates: number[] = []
    for (let round = 0; round < rounds; round++) {
      const calls = Array.from({ length: bulk.perRound }, () => claims(bulk.size))
      bulkRates.push((await run(calls, 1)).perSecond * bulk.size)
    }
    printFigure(`claims, ${bulk.size} per request, one request at a time`, bulkRates, {
      unit: '/s',
      digits: 0,
      target: { value: 5000, isAtLeast: true },
    })
    await requireCount(platform, made)
  } finally {
    caller.close()
  }
}

const camera = (number: number): ClaimItem => ({
  deviceId: `NEW${String(number).padStart(9, '0')}`,
  identitySource: 'onvif:GetDeviceId',
  driver: 'onvif',
  address: `http://192.0.2.${number % 250}`,
  name: `New camera ${number}`,
  facts: {
    ...{ manufacturer: 'Example', model: 'Model N', serialNumber: `SN${number}`, macAddress: 'AC:CC:8E:00:00:01' },
    ...{ firmwareVersion: '9.80.1', architecture: 'arm64-v8a', platformLevel: 29, appFormats: ['apk'] },
  },
})

async function requireClaimed({ status, text }: { status: number; text: string }): Promise<void> {
  const { results } = JSON.parse(text) as { results: ClaimResult[] }
  const claimed = results.filter(({ result }) => result === 'claimed').length
  if (status !== 200 || claimed !== bulk.size) throw new Error(`Of ${bulk.size} cameras ${claimed} were claimed.`)
}

async function requireCount({ pool }: PlatformProcess, expected: number): Promise<void> {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM device WHERE device_id LIKE 'NEW%' AND state = 'CLAIMED'`,
  )
  if (rows[0]?.count !== expected) throw new Error(`${expected} cameras were claimed, ${rows[0]?.count} are there.`)
  print(`  ${expected} cameras claimed, each once`)
}
