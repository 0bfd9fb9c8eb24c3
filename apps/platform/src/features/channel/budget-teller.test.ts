import type { DownMessage } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeFleet } from '../../../test/rollout-fixture.ts'
import { createTestPlatform, type TestPlatform } from '../../../test/test-platform.ts'
import { createBudgetTeller } from './budget-teller.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createTestPlatform(() => [])
})
afterAll(() => platform?.close())

it('tells the gateways of a site shares that sum to its budget of the hour, and only when they change', async () => {
  const { db } = platform
  const { account, siteIds } = await makeFleet(platform, { devices: 2, sites: 1, maxInFlight: 4 })
  await sql`INSERT INTO gateway (account_id, site_id, name, public_key, certificate_serial, certificate_expires_at, session, connected)
    SELECT ${account.accountId}, ${siteIds[0]}, 'another', '{}', '1', now() + interval '1 year', n, true FROM generate_series(2, 3) n`.execute(
    db,
  )
  const night = { from: '22:00', to: '05:00', maxInFlight: 50, downloadBytesPerSecond: 1_000_000 }
  await sql`UPDATE site SET time_zone = 'Asia/Tokyo', download_bytes_per_second = 100000, budget_hours = ${JSON.stringify([night])}::jsonb
    WHERE site_id = ${siteIds[0]}`.execute(db)
  let nowMs = Date.parse('2026-07-06T12:59:00Z')
  const said: DownMessage[] = []
  const teller = createBudgetTeller({
    db,
    nowMs: () => nowMs,
    publish: (_gatewayId, message) => void said.push(message),
  })
  const sums = () => {
    const shares = said.flatMap((message) => (message.kind === 'budgets' ? message.sites : []))
    said.length = 0
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
    return [
      shares.length,
      sum(shares.map(({ maxInFlight }) => maxInFlight)),
      sum(shares.map(({ downloadBytesPerSecond }) => downloadBytesPerSecond ?? 0)),
    ]
  }
  await teller.tellHourly()
  expect(sums()).toEqual([3, 4, 100_000])
  await teller.tellHourly()
  expect(sums()).toEqual([0, 0, 0])
  nowMs += 60_000
  await teller.tellHourly()
  expect(sums()).toEqual([3, 50, 1_000_000])
  await sql`UPDATE site SET budget_hours = '[]' WHERE site_id = ${siteIds[0]}`.execute(db)
  await teller.tellChanged(siteIds[0] ?? '')
  expect(sums()).toEqual([3, 4, 100_000])
})
