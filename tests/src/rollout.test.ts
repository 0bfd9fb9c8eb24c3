import type { SimulatedCamera } from '@ocelli/camera-sim'
import type { LicenseQuantity, Preflight, Rollout, RolloutDevicePage, Site } from '@ocelli/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apiDemos } from './real-apps.ts'
import { buy, type System, startSystem, untilOnline } from './system.ts'

const { appId } = apiDemos
let system: System
let cameras: SimulatedCamera[]

beforeAll(async () => {
  system = await startSystem()
  cameras = []
  for (const deviceId of ['HALL-1', 'HALL-2', 'HALL-3', 'HALL-4']) {
    const camera = await system.camera(deviceId)
    await system.claim(camera)
    cameras.push(camera)
  }
  for (const { deviceId } of cameras) await untilOnline(system, deviceId)
  expect(await system.upload(apiDemos.v4_0_0)).toMatchObject({ status: 201 })
  await buy(system, appId, 4)
})
afterAll(() => system?.close())

const request = {
  name: 'Halls',
  action: 'INSTALL',
  appId,
  licenseType: 'FULL',
  devices: { filter: { q: 'HALL' } },
  strategy: { waves: [{ count: 1, minSuccessPercent: 100 }, { percent: 100 }], maxInFlightPerSite: 2 },
}

async function until(rolloutId: string, isThere: (rollout: Rollout) => boolean): Promise<Rollout> {
  const untilMs = Date.now() + 90_000
  for (;;) {
    const { body } = await system.call<Rollout>('GET', `/software/v1/rollouts/${rolloutId}`)
    if (isThere(body)) return body
    if (Date.now() > untilMs) throw new Error(`The rollout is still ${JSON.stringify(body)}.`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

test('a rollout installs on real cameras through the gateway, survives a kill of the platform, and keeps its units', async () => {
  const { body: sites } = await system.call<Site[]>('GET', '/device/v1/sites')
  const budget = { maxInFlight: 2, downloadBytesPerSecond: 5_000_000 }
  const changed = await system.call<Site>('PATCH', `/device/v1/sites/${sites[0]?.siteId}`, budget)
  expect(changed.body).toMatchObject(budget)

  const told = await system.call<Preflight>('POST', '/software/v1/rollouts', { ...request, dryRun: true })
  expect(told).toMatchObject({ status: 200, body: { total: 4, ready: 4, units: { needed: 4, free: 4, missing: 0 } } })

  const made = await system.call<Rollout>('POST', '/software/v1/rollouts', request)
  expect(made).toMatchObject({ status: 201, body: { state: 'RUNNING', counters: { total: 4 } } })
  const { rolloutId } = made.body
  await until(rolloutId, ({ counters }) => counters.succeeded >= 1)
  await system.killPlatform()
  await system.restart()

  const ended = await until(rolloutId, ({ state }) => state === 'COMPLETED')
  expect(ended).toMatchObject({ wave: 2, counters: { total: 4, succeeded: 4 } })
  for (const camera of cameras) expect(camera.apps().map((app) => app.appId)).toContain(appId)
  const { body: units } = await system.call<LicenseQuantity[]>('GET', `/license/v1/licensequantities/apps/${appId}`)
  expect(units[0]).toMatchObject({ total: 4, used: 4, free: 0 })
  const { body: devices } = await system.call<RolloutDevicePage>('GET', `/software/v1/rollouts/${rolloutId}/devices`)
  expect(devices.items.map(({ deviceId, state }) => [deviceId, state])).toEqual(
    ['HALL-1', 'HALL-2', 'HALL-3', 'HALL-4'].map((deviceId) => [deviceId, 'SUCCEEDED']),
  )
})
