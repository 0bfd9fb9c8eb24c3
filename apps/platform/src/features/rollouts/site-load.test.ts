import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRolloutPlatform } from '../../../test/rollout-bench.ts'
import { finish, inFlight, installOf, makeFleet, post, stepAll, type TestFleet } from '../../../test/rollout-fixture.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'
import { installationRoutes } from '../installations/installation-routes.ts'
import { createInstallationService } from '../installations/installation-service.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createRolloutPlatform(({ db }) =>
    installationRoutes({ installations: createInstallationService({ db, wake: () => {} }) }),
  )
})
afterAll(() => platform?.close())

/** By another operator, one device after the other. */
async function installSingly(fleet: TestFleet, deviceIds: string[]): Promise<void> {
  for (const deviceId of deviceIds) {
    const line = `PUT /software/v1/apps/${fleet.appId}/devices/${deviceId}?whenOffline=queue` as const
    expect((await platform.call(fleet.account, line, { licenseType: 'FULL' })).status).toBe(202)
  }
}

async function roll(fleet: TestFleet, deviceIds: string[]): Promise<string> {
  const body = installOf(fleet, { devices: { deviceIds } })
  const answer = await post(platform, fleet.account, { body })
  expect(answer.status).toBe(201)
  return answer.body.rolloutId
}

async function singleRevisions(fleet: TestFleet, deviceIds: string[]) {
  const { rows } = await sql<{ deviceId: string; revision: number }>`SELECT device_id AS "deviceId", revision
    FROM installation WHERE account_id = ${fleet.account.accountId} AND device_id = ANY(${deviceIds}::text[])`.execute(
    platform.db,
  )
  return rows
}

describe('a rollout', () => {
  it('leaves to single requests what they use of a site, and takes it when they have ended', async () => {
    const fleet = await makeFleet(platform, { devices: 12, sites: 1, maxInFlight: 4 })
    const ids = fleet.devices.map(({ deviceId }) => deviceId)
    const singles = ids.slice(0, 3)
    await installSingly(fleet, singles)
    const rolloutId = await roll(fleet, ids.slice(3))
    await stepAll(platform.db, rolloutId)
    expect(await inFlight(platform.db, rolloutId)).toHaveLength(1)
    await finish(platform.db, fleet, (await singleRevisions(fleet, singles)).slice(0, 2))
    await stepAll(platform.db, rolloutId)
    expect(await inFlight(platform.db, rolloutId)).toHaveLength(3)
  })

  it('waits while single requests alone are more than the budget, which takes them all the same', async () => {
    const fleet = await makeFleet(platform, { devices: 12, sites: 1, maxInFlight: 2 })
    const ids = fleet.devices.map(({ deviceId }) => deviceId)
    await installSingly(fleet, ids.slice(0, 6))
    const rolloutId = await roll(fleet, ids.slice(6))
    await stepAll(platform.db, rolloutId)
    expect(await inFlight(platform.db, rolloutId)).toHaveLength(0)
    await finish(platform.db, fleet, await singleRevisions(fleet, ids.slice(0, 6)))
    await stepAll(platform.db, rolloutId)
    expect(await inFlight(platform.db, rolloutId)).toHaveLength(2)
  })

  it('is not held up by requests that wait for a device or whose device went away', async () => {
    const fleet = await makeFleet(platform, { devices: 8, sites: 1, maxInFlight: 3 })
    const [queued = '', lost = '', ...others] = fleet.devices.map(({ deviceId }) => deviceId)
    const setConnectivity = (deviceId: string, state: string) =>
      sql`UPDATE device SET connectivity = ${state} WHERE device_id = ${deviceId}`.execute(platform.db)
    await setConnectivity(queued, 'OFFLINE')
    await installSingly(fleet, [queued, lost])
    await setConnectivity(queued, 'ONLINE')
    await setConnectivity(lost, 'OFFLINE')
    const rolloutId = await roll(fleet, others)
    await stepAll(platform.db, rolloutId)
    expect(await inFlight(platform.db, rolloutId)).toHaveLength(3)
  })

  it('counts a device once that it and somebody else wish the same of, and at its own site only', async () => {
    const fleet = await makeFleet(platform, { devices: 8, sites: 2, maxInFlight: 2 })
    const [here = '', elsewhere = ''] = fleet.siteIds
    const at = (siteId: string) =>
      fleet.devices.filter((device) => device.siteId === siteId).map(({ deviceId }) => deviceId)
    await installSingly(fleet, at(here).slice(0, 1))
    const rolloutId = await roll(fleet, [...at(here), ...at(elsewhere)])
    for (let look = 0; look < 3; look++) await stepAll(platform.db, rolloutId)
    const flying = new Set((await inFlight(platform.db, rolloutId)).map(({ deviceId }) => deviceId))
    const single = at(here)[0] ?? ''
    const working = new Set([...flying, single])
    expect(at(here).filter((deviceId) => working.has(deviceId))).toHaveLength(2)
    expect(at(elsewhere).filter((deviceId) => flying.has(deviceId))).toHaveLength(2)
  })
})
