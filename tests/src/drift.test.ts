import type { SimulatedCamera } from '@ocelli/camera-sim'
import type { Event, Installation, License, LicenseQuantity } from '@ocelli/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apiDemos } from './real-apps.ts'
import { buy, type System, startSystem, untilOnline } from './system.ts'

const { appId } = apiDemos
const path = `/software/v1/apps/${appId}/devices/DRIFT-1`

let system: System
let camera: SimulatedCamera
beforeAll(async () => {
  system = await startSystem({ probeSeconds: 5 })
  camera = await system.camera('DRIFT-1')
  await system.claim(camera)
  await untilOnline(system, 'DRIFT-1')
  expect(await system.upload(apiDemos.v4_0_0)).toMatchObject({ status: 201 })
  await buy(system, appId, 1)
  await system.call('PUT', path, { licenseType: 'FULL', start: true })
  expect(await system.settled(appId, 'DRIFT-1')).toMatchObject({ installationState: 'INSTALLED', drift: null })
})
afterAll(() => system.close())

const untilDrift = (drift: Installation['drift']) =>
  system.settled(appId, 'DRIFT-1', { until: (now) => now.settled && now.drift === drift })

async function used(): Promise<number | undefined> {
  const { body } = await system.call<LicenseQuantity[]>('GET', `/license/v1/licensequantities/apps/${appId}`)
  return body[0]?.used
}

test('an app that somebody takes off a camera is shown as removed, kept so, and told once', async () => {
  camera.removeApp(appId)

  const now = await untilDrift('REMOVED')

  expect(now).toMatchObject({ installationState: 'NOT_INSTALLED', installedVersion: null, error: null })
  const { body } = await system.call<License[]>('GET', `/license/v1/licenses/apps/${appId}/devices/DRIFT-1`)
  expect(body).toMatchObject([{ state: 'VALID', licenseId: now.license?.licenseId }])
  expect(camera.apps()).toEqual([])
  const events = await system.call<{ items: Event[] }>('GET', '/events/v1?type=installation.drift')
  expect(events.body.items).toMatchObject([{ data: { drift: 'REMOVED' }, deviceId: 'DRIFT-1' }])
})

test('the same request again puts it back, on the same unit', async () => {
  expect(await system.call('PUT', path, { licenseType: 'FULL', start: true })).toMatchObject({ status: 202 })
  const now = await system.settled(appId, 'DRIFT-1')
  expect(now).toMatchObject({ installationState: 'INSTALLED', runningState: 'RUNNING', drift: null })
  expect(await used()).toBe(1)
})

test('where the site says so, it is put back unasked', async () => {
  const { body } = await system.call<{ siteId: string }>('GET', '/device/v1/devices/DRIFT-1')
  expect(await system.call('PATCH', `/device/v1/sites/${body.siteId}`, { repair: 'auto' })).toMatchObject({
    status: 200,
  })
  const { revision } = await system.installation(appId, 'DRIFT-1')

  camera.removeApp(appId)

  const isBack = (now: Installation) => now.settled && now.revision > revision && now.installationState === 'INSTALLED'
  expect(await system.settled(appId, 'DRIFT-1', { until: isBack })).toMatchObject({ drift: null, error: null })
  expect(camera.apps()).toMatchObject([{ appId, state: 'Active' }])
  expect(await used()).toBe(1)
})

test('a higher version that somebody put there is kept, and started when somebody asks', async () => {
  expect(await system.upload(apiDemos.v4_1_1)).toMatchObject({ status: 201 })
  const { body } = await system.call<{ siteId: string }>('GET', '/device/v1/devices/DRIFT-1')
  await system.call('PATCH', `/device/v1/sites/${body.siteId}`, { repair: 'request' })
  camera.removeApp(appId)
  camera.installApp({ appId, version: '4.1.1', versionCode: 24, state: 'Inactive' })
  expect(await untilDrift('VERSION_CHANGED')).toMatchObject({ installedVersion: '4.1.1', runningState: 'NOT_RUNNING' })

  expect(await system.call('POST', `${path}/state/RUNNING`)).toMatchObject({ status: 202 })

  const now = await system.settled(appId, 'DRIFT-1')
  expect(now).toMatchObject({ installedVersion: '4.1.1', runningState: 'RUNNING', drift: null, error: null })
  expect(await used()).toBe(1)
})

test('an app that is back after its license was given back is told of', async () => {
  await system.call('DELETE', path)
  expect(await system.settled(appId, 'DRIFT-1')).toMatchObject({ installationState: 'NOT_INSTALLED', license: null })
  camera.installApp({ appId, version: '4.1.1', versionCode: 24, state: 'Inactive' })

  const isBack = (now: Installation) => now.installedVersion !== null
  expect(await system.settled(appId, 'DRIFT-1', { until: isBack })).toMatchObject({ managed: false })

  const events = await system.call<{ items: Event[] }>('GET', '/events/v1?type=license.conflict')
  expect(events.body.items).toMatchObject([{ appId, deviceId: 'DRIFT-1' }])
  expect(await used()).toBe(0)
})
