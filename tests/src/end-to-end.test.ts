import type { SimulatedCamera } from '@ocelli/camera-sim'
import type { Installation, License, LicenseQuantity } from '@ocelli/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { installLicense } from './camera-soap.ts'
import { apiDemos, settingsApp } from './real-apps.ts'
import { buy, type System, startSystem, untilConnectivity, untilOnline } from './system.ts'

const { appId } = apiDemos
const foreignApp = { appId: 'com.example.by.hand', name: 'Put there by a technician', version: '2.3' }
const pathOf = (app: string, deviceId: string) => `/software/v1/apps/${app}/devices/${deviceId}`
const licensesOf = (app: string, deviceId: string) => `/license/v1/licenses/apps/${app}/devices/${deviceId}`

let system: System
let gate: SimulatedCamera
let yard: SimulatedCamera
/** Its power fails before the first test, and comes back in the one that says so. */
let tower: SimulatedCamera

beforeAll(async () => {
  system = await startSystem()
  gate = await system.camera('GATE-1')
  yard = await system.camera('YARD-2')
  tower = await system.camera('TOWER-3')
  gate.installApp({ ...foreignApp, state: 'Active' })
  for (const camera of [gate, yard, tower]) await system.claim(camera)
  for (const { deviceId } of [gate, yard, tower]) await untilOnline(system, deviceId)
  for (const file of [apiDemos.v4_0_0, settingsApp.package])
    expect(await system.upload(file)).toMatchObject({ status: 201 })
  await buy(system, appId, 3)
  await buy(system, settingsApp.appId, 1)
})
afterAll(() => system.close())

async function quantity(app: string): Promise<{ used: number; free: number }> {
  const { body } = await system.call<LicenseQuantity[]>('GET', `/license/v1/licensequantities/apps/${app}`)
  return { used: body[0]?.used ?? Number.NaN, free: body[0]?.free ?? Number.NaN }
}

/** What a technician before the camera sees of an app. */
const onCamera = (camera: SimulatedCamera, app: string) => camera.apps().find((item) => item.appId === app) ?? null

function expectForeignAppUntouched(): void {
  expect(onCamera(gate, foreignApp.appId)).toMatchObject({ version: '2.3', state: 'Active', licenses: [] })
}

test('installs a real app on a camera and starts it, on one unit', async () => {
  const asked = await system.call<Installation>('PUT', pathOf(appId, 'GATE-1'), { licenseType: 'FULL', start: true })
  expect(asked).toMatchObject({ status: 202, body: { settled: false, targetVersion: '4.0.0' } })

  const now = await system.settled(appId, 'GATE-1')

  expect(now).toMatchObject({
    installationState: 'INSTALLED',
    installedVersion: '4.0.0',
    runningState: 'RUNNING',
    error: null,
  })
  expect(onCamera(gate, appId)).toMatchObject({
    version: '4.0.0',
    state: 'Active',
    licenses: [{ licenseId: now.license?.licenseId }],
  })
  expect(await quantity(appId)).toEqual({ used: 1, free: 2 })
  const again = await system.call('PUT', pathOf(appId, 'GATE-1'), { licenseType: 'FULL', start: true })
  expect(again.status).toBe(200)
  expect(await quantity(appId)).toEqual({ used: 1, free: 2 })
})

test('refuses a version that another certificate signed', async () => {
  expect(await system.upload(apiDemos.v5_0_0)).toMatchObject({ status: 409, body: { code: 'package-other-signer' } })
  expect(await system.installation(appId, 'GATE-1')).toMatchObject({ latestVersion: '4.0.0', updatable: false })
})

test('updates to a newer version of the same signer, and the app runs on with its license', async () => {
  const before = await system.installation(appId, 'GATE-1')
  expect(await system.upload(apiDemos.v4_1_1)).toMatchObject({ status: 201 })
  const { body: devices } = await system.call<{ items: { deviceId: string }[] }>(
    'GET',
    '/device/v1/devices?appsUpdatePossible=true',
  )
  expect(devices.items.map(({ deviceId }) => deviceId)).toEqual(['GATE-1'])

  expect((await system.call('POST', pathOf(appId, 'GATE-1'))).status).toBe(202)

  const now = await system.settled(appId, 'GATE-1')
  expect(now).toMatchObject({
    installationState: 'INSTALLED',
    installedVersion: '4.1.1',
    runningState: 'RUNNING',
    updatable: false,
  })
  expect(now.license?.licenseId).toBe(before.license?.licenseId)
  expect(onCamera(gate, appId)).toMatchObject({ version: '4.1.1', state: 'Active' })
  expect(await quantity(appId)).toEqual({ used: 1, free: 2 })
})

test('installs a second app beside it, and lists what a technician put there as not managed', async () => {
  await system.call('PUT', pathOf(settingsApp.appId, 'GATE-1'), { licenseType: 'FULL' })
  expect(await system.settled(settingsApp.appId, 'GATE-1')).toMatchObject({ installationState: 'INSTALLED' })

  const { body: apps } = await system.call<Installation[]>('GET', '/device/v1/devices/GATE-1/apps')

  const managed = Object.fromEntries(apps.map((app) => [app.appId, app.managed]))
  expect(managed).toEqual({ [appId]: true, [settingsApp.appId]: true, [foreignApp.appId]: false })
  expect(onCamera(gate, appId)).toMatchObject({ version: '4.1.1', state: 'Active' })
  expectForeignAppUntouched()
})

test('refuses to remove what it did not install', async () => {
  expect(await system.call('DELETE', pathOf(foreignApp.appId, 'GATE-1'))).toMatchObject({ status: 409 })
  expectForeignAppUntouched()
})

test('gives a license file that its own camera takes and every other camera refuses', async () => {
  const { body: licenses } = await system.call<License[]>('GET', licensesOf(appId, 'GATE-1'))
  const licenseFile = await system.download(`/license/v1/licenses/${licenses[0]?.licenseId}/token`)
  yard.installApp({ appId })

  const copied = await installLicense(yard, { appId, licenseFile })

  expect(copied.status).toBeGreaterThanOrEqual(400)
  expect(copied.text).toContain('other-device')
  expect(onCamera(yard, appId)).toMatchObject({ licenses: [] })
  expect(await installLicense(gate, { appId, licenseFile })).toMatchObject({ status: 200 })
  yard.removeApp(appId)
})

test('ends an installation that the camera refuses with its reason, and the unit is free again', async () => {
  yard.setFault('failInstall', 'Not enough memory for this application')
  expect((await system.call('PUT', pathOf(appId, 'YARD-2'), { licenseType: 'FULL' })).status).toBe(202)

  const failed = await system.settled(appId, 'YARD-2')

  expect(failed).toMatchObject({ installationState: 'INSTALLATION_FAILED', license: null })
  expect(failed.error).toMatchObject({ category: 'refused-by-device' })
  expect(failed.error?.deviceCode ?? failed.error?.detail).toContain('Not enough memory')
  expect(await quantity(appId)).toEqual({ used: 1, free: 2 })
  expect(onCamera(yard, appId)).toBeNull()

  yard.clearFaults()
  expect((await system.call('PUT', pathOf(appId, 'YARD-2'), { licenseType: 'FULL' })).status).toBe(202)
  expect(await system.settled(appId, 'YARD-2')).toMatchObject({ installationState: 'INSTALLED', error: null })
  expect(await quantity(appId)).toEqual({ used: 2, free: 1 })
})

test('refuses work on a camera that is away unless it may wait, and does it when the camera is back', async () => {
  const { port } = tower
  await tower.close()
  // A gateway that has just started has no earlier answer to trust, so one look tells; otherwise it takes three minutes.
  await system.killGateway()
  await untilConnectivity(system, 'TOWER-3', 'OFFLINE')

  const path = pathOf(appId, 'TOWER-3')
  expect(await system.call('PUT', path, { licenseType: 'FULL' })).toMatchObject({
    status: 409,
    body: { code: 'device-offline' },
  })
  expect(await quantity(appId)).toEqual({ used: 2, free: 1 })
  const queued = await system.call('PUT', `${path}?whenOffline=queue`, { licenseType: 'FULL' })
  expect(queued).toMatchObject({ status: 202, body: { queued: true, installationState: 'PENDING', settled: false } })
  expect(await quantity(appId)).toEqual({ used: 3, free: 0 })

  tower = await system.camera('TOWER-3', { port })
  const now = await system.settled(appId, 'TOWER-3', { timeoutMs: 90_000 })
  expect(now).toMatchObject({ installationState: 'INSTALLED', queued: false, error: null })
  expect(onCamera(tower, appId)).toMatchObject({ version: '4.1.1', licenses: [{ licenseId: now.license?.licenseId }] })
})

test('refuses the installation for which no unit is left', async () => {
  expect((await system.call('DELETE', pathOf(settingsApp.appId, 'GATE-1'))).status).toBe(202)
  expect(await system.settled(settingsApp.appId, 'GATE-1')).toMatchObject({ installationState: 'NOT_INSTALLED' })
  expect((await system.call('PUT', pathOf(settingsApp.appId, 'YARD-2'), { licenseType: 'FULL' })).status).toBe(202)
  const refused = await system.call('PUT', pathOf(settingsApp.appId, 'GATE-1'), { licenseType: 'FULL' })
  expect(refused).toMatchObject({ status: 409, body: { code: 'no-free-license' } })
  expect(await system.settled(settingsApp.appId, 'YARD-2')).toMatchObject({ installationState: 'INSTALLED' })
})

test('removes the app, and the unit returns', async () => {
  expect((await system.call('DELETE', pathOf(appId, 'GATE-1'))).status).toBe(202)

  expect(await system.settled(appId, 'GATE-1')).toMatchObject({ installationState: 'NOT_INSTALLED', license: null })

  expect(onCamera(gate, appId)).toBeNull()
  expect((await system.call<License[]>('GET', licensesOf(appId, 'GATE-1'))).body).toEqual([])
  expect(await quantity(appId)).toEqual({ used: 2, free: 1 })
  expectForeignAppUntouched()
})

test('ends with everything it started when it is told to stop', async () => {
  const before = await system.processes()
  expect(before.length).toBeGreaterThanOrEqual(3)

  await system.stop()

  expect(await system.processes()).toEqual([])
  const alive = before.filter(isAlive)
  expect(alive).toEqual([])
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
