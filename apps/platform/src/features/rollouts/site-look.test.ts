import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRolloutPlatform } from '../../../test/rollout-bench.ts'
import { get, inFlight, installOf, makeFleet, post, stepAll, type TestFleet } from '../../../test/rollout-fixture.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createRolloutPlatform()
})
afterAll(() => platform?.close())

const window = { from: '22:00', to: '05:00' }
const noonMs = Date.parse('2026-07-06T12:00:00Z')
const nightMs = Date.parse('2026-07-06T23:00:00Z')

async function roll(fleet: TestFleet, request: Parameters<typeof installOf>[1]): Promise<string> {
  const { status, body } = await post(platform, fleet.account, { body: installOf(fleet, request) })
  expect(status).toBe(201)
  return body.rolloutId
}

const countersOf = async ({ account }: TestFleet, rolloutId: string) =>
  (await get(platform, account, rolloutId)).counters

describe('outside of the window of every site', () => {
  it('devices that no window protects come to their end: unclaimed ones have no site, and nothing goes to a camera', async () => {
    const fleet = await makeFleet(platform, { devices: 4, sites: 1 })
    const [unclaimed = ''] = fleet.devices.map(({ deviceId }) => deviceId)
    await sql`UPDATE device SET state = 'UNCLAIMED', site_id = NULL, gateway_id = NULL, claimed_at = NULL
      WHERE device_id = ${unclaimed}`.execute(platform.db)
    const rolloutId = await roll(fleet, { schedule: { window } })
    await stepAll(platform.db, rolloutId, { nowMs: () => noonMs })
    expect(await countersOf(fleet, rolloutId)).toMatchObject({ total: 4, pending: 3, rejected: 1, inFlight: 0 })
    await stepAll(platform.db, rolloutId, { nowMs: () => nightMs })
    expect(await countersOf(fleet, rolloutId)).toMatchObject({ pending: 0, rejected: 1, inFlight: 3 })
  })

  it('a device that was claimed into a site in between waits for the window of that site', async () => {
    const fleet = await makeFleet(platform, { devices: 2, sites: 1 })
    const [{ deviceId = '', siteId = '', gatewayId = '' } = {}] = fleet.devices
    const place = (site: string | null, gateway: string | null) =>
      sql`UPDATE device SET state = ${site ? 'CLAIMED' : 'UNCLAIMED'}, site_id = ${site}::uuid, gateway_id = ${gateway}::uuid,
        claimed_at = ${site ? sql`now()` : null} WHERE device_id = ${deviceId}`.execute(platform.db)
    await place(null, null)
    const rolloutId = await roll(fleet, { schedule: { window } })
    await place(siteId, gatewayId)
    await stepAll(platform.db, rolloutId, { nowMs: () => noonMs })
    expect(await countersOf(fleet, rolloutId)).toMatchObject({ pending: 2, inFlight: 0 })
    await stepAll(platform.db, rolloutId, { nowMs: () => nightMs })
    expect(await countersOf(fleet, rolloutId)).toMatchObject({ inFlight: 2 })
  })

  it('a device whose site was removed after it had moved to another waits for the window of its new site', async () => {
    const fleet = await makeFleet(platform, { devices: 2, sites: 2 })
    const [left, stays] = fleet.devices
    if (!left || !stays) throw new Error('There are two devices.')
    const rolloutId = await roll(fleet, { schedule: { window } })
    await sql`UPDATE device SET site_id = ${stays.siteId}, gateway_id = ${stays.gatewayId}
      WHERE device_id = ${left.deviceId}`.execute(platform.db)
    await sql`DELETE FROM gateway WHERE site_id = ${left.siteId}`.execute(platform.db)
    await sql`DELETE FROM site WHERE site_id = ${left.siteId}`.execute(platform.db)
    await stepAll(platform.db, rolloutId, { nowMs: () => noonMs })
    expect(await inFlight(platform.db, rolloutId)).toHaveLength(0)
    await stepAll(platform.db, rolloutId, { nowMs: () => nightMs })
    expect(await inFlight(platform.db, rolloutId)).toHaveLength(2)
  })
})

describe('a fleet of more sites than one step looks at', () => {
  it('comes to rest when all of them are full', async () => {
    const fleet = await makeFleet(platform, { devices: 1040, sites: 520, maxInFlight: 1 })
    const rolloutId = await roll(fleet, {})
    await stepAll(platform.db, rolloutId)
    expect(await countersOf(fleet, rolloutId)).toMatchObject({ pending: 520, inFlight: 520 })
    await stepAll(platform.db, rolloutId)
  })

  it('comes to rest outside of the window of all of them', async () => {
    const fleet = await makeFleet(platform, { devices: 520, sites: 520 })
    const rolloutId = await roll(fleet, { schedule: { window } })
    await stepAll(platform.db, rolloutId, { nowMs: () => noonMs })
    expect(await countersOf(fleet, rolloutId)).toMatchObject({ pending: 520 })
  })

  it('takes up what only the last one has room for', async () => {
    const fleet = await makeFleet(platform, { devices: 1040, sites: 520, maxInFlight: 1 })
    const rolloutId = await roll(fleet, {})
    await stepAll(platform.db, rolloutId)
    const last = fleet.siteIds.toSorted().at(-1) ?? ''
    await sql`UPDATE site SET max_in_flight = 2 WHERE site_id = ${last}`.execute(platform.db)
    await stepAll(platform.db, rolloutId)
    expect(await countersOf(fleet, rolloutId)).toMatchObject({ pending: 519, inFlight: 521 })
  })
})
