import { setTimeout as pause } from 'node:timers/promises'
import type { SimulatedCamera } from '@ocelli/camera-sim'
import type { Installation, LicenseQuantity, Preflight, Rollout, RolloutDevicePage } from '@ocelli/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apiDemos } from './real-apps.ts'
import { buy, type System, startSystem, untilOnline } from './system.ts'

const { appId } = apiDemos
const deviceIds = ['BACK-1', 'BACK-2', 'BACK-3', 'BACK-4']
let system: System
let cameras: SimulatedCamera[]

beforeAll(async () => {
  system = await startSystem()
  cameras = []
  // Slow enough that a kill comes while an app is off its camera.
  const slow = { installMs: 1_000, uninstallMs: 300, configurable: 'all' as const }
  for (const deviceId of deviceIds) {
    const camera = await system.camera(deviceId, slow)
    await system.claim(camera)
    cameras.push(camera)
  }
  for (const deviceId of deviceIds) await untilOnline(system, deviceId)
  expect(await system.upload(apiDemos.v4_0_0)).toMatchObject({ status: 201 })
  await buy(system, appId, deviceIds.length)
  const path = (deviceId: string) => `/software/v1/apps/${appId}/devices/${deviceId}`
  for (const deviceId of deviceIds) await system.call('PUT', path(deviceId), { licenseType: 'FULL', start: true })
  for (const deviceId of deviceIds) await system.settled(appId, deviceId)
  expect(await system.upload(apiDemos.v4_1_1)).toMatchObject({ status: 201 })
})
afterAll(() => system?.close())

const update = {
  ...{ name: 'To the bad version', action: 'UPDATE', appId, devices: { deviceIds } },
  strategy: { rollback: 'PREVIOUS_VERSION', abort: [{ on: 'ALL', count: 2 }] },
}
const accepting = { ...update, strategy: { ...update.strategy, acceptDataLoss: true } }

async function poll<Value>(what: string, read: () => Promise<Value | null> | Value | null): Promise<Value> {
  const untilMs = Date.now() + 120_000
  for (;;) {
    const value = await read()
    if (value !== null) return value
    if (Date.now() > untilMs) throw new Error(`Never came: ${what}.`)
    await pause(20)
  }
}

const rolloutOf = async (rolloutId: string): Promise<Rollout> =>
  (await system.call<Rollout>('GET', `/software/v1/rollouts/${rolloutId}`)).body

const installations = (): Promise<Installation[]> =>
  Promise.all(deviceIds.map((deviceId) => system.installation(appId, deviceId)))

test('an update that goes wrong is set back on real cameras, a gateway is killed meanwhile, and nothing but data is lost', async () => {
  const before = await installations()
  expect(before.map(({ runningState }) => runningState)).toEqual(Array(4).fill('RUNNING'))
  for (const camera of cameras) camera.configureApp(appId, `zones of ${camera.deviceId}`)

  const told = await system.call<Preflight>('POST', '/software/v1/rollouts', { ...update, dryRun: true })
  expect(told.body).toMatchObject({
    ...{ total: 4, ready: 4 },
    rollback: { accepted: false, groups: [{ ability: 'LOSES_DATA', reason: 'reinstall', count: 4, deviceIds }] },
  })
  const refused = await system.call('POST', '/software/v1/rollouts', update)
  expect([refused.status, refused.body.code]).toEqual([409, 'downgrade'])

  for (const camera of cameras.slice(2)) camera.setFault('failInstall', 'The new version does not run here.')
  const made = await system.call<Rollout>('POST', '/software/v1/rollouts', accepting)
  expect(made.status).toBe(201)
  const { rolloutId } = made.body
  const rollbackId = await poll('the rollback', async () => (await rolloutOf(rolloutId)).rolledBackBy)
  await poll('an app off its camera', () => cameras.slice(0, 2).some((camera) => camera.apps().length === 0) || null)
  await system.killGateway()

  const ended = await poll('the end', async () => {
    const rollback = await rolloutOf(rollbackId)
    return rollback.state === 'COMPLETED' ? rollback : null
  })
  expect(ended).toMatchObject({ rollbackOf: rolloutId, counters: { total: 4, succeeded: 2, alreadyDone: 2 } })
  expect(await rolloutOf(rolloutId)).toMatchObject({
    ...{ state: 'ABORTED', reason: { code: 'abort-rule' }, rolledBackBy: rollbackId },
    counters: { total: 4, succeeded: 2, rejected: 2 },
  })
  const { body: devices } = await system.call<RolloutDevicePage>('GET', `/software/v1/rollouts/${rollbackId}/devices`)
  expect(devices.items.map(({ deviceId, state }) => [deviceId, state])).toEqual([
    ...[['BACK-1', 'SUCCEEDED'] as const, ['BACK-2', 'SUCCEEDED'] as const],
    ...[['BACK-3', 'ALREADY_DONE'] as const, ['BACK-4', 'ALREADY_DONE'] as const],
  ])

  for (const [index, now] of (await installations()).entries()) {
    const { installedVersion, license } = before[index] ?? {}
    expect(now).toMatchObject({ installedVersion, license, settled: true, drift: null })
  }
  for (const [index, camera] of cameras.entries()) {
    const [app] = camera.apps()
    expect(app).toMatchObject({
      version: before[index]?.installedVersion,
      configuration: `zones of ${camera.deviceId}`,
    })
    expect(app?.licenses.map(({ licenseId }) => licenseId)).toEqual([before[index]?.license?.licenseId])
  }
  // a camera whose update failed runs on; one that was set back runs again
  await poll('all apps run', () => cameras.every((camera) => camera.apps()[0]?.state === 'Active') || null)
  const { body: units } = await system.call<LicenseQuantity[]>('GET', `/license/v1/licensequantities/apps/${appId}`)
  expect(units[0]).toMatchObject({ total: 4, used: 4, free: 0 })
}, 300_000)
