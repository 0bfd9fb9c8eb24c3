import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EapOptions, writeEap } from '@ocelli/app-package/testing'
import { createAxisCamera, type SimulatedAxisCamera, writeAxisLicenseKey } from '@ocelli/camera-sim'
import type { App, Device, Installation, License, VendorLicenseUpload } from '@ocelli/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buy, cameraPassword, type System, startSystem, untilOnline } from './system.ts'

const appId = 'counter'
const pathOf = (deviceId: string) => `/software/v1/apps/${appId}/devices/${deviceId}`

let system: System
let folder: string
let camera: SimulatedAxisCamera

async function publish(options: Partial<EapOptions>) {
  const path = join(folder, `${options.appId ?? appId}-${options.version ?? '1.0.0'}.eap`)
  await writeEap(path, { appId, signed: true, ...options })
  return system.upload(path)
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-axis-'))
  system = await startSystem()
  camera = await createAxisCamera({
    ...{ serialNumber: 'ACCC8E123456', user: 'admin', password: cameraPassword, os: '12', architecture: 'aarch64' },
  })
  await system.claim(camera)
  await untilOnline(system, camera.deviceId)
})
afterAll(async () => {
  await camera?.close()
  await system?.close()
  await rm(folder, { recursive: true, force: true })
})

test('an Axis camera is claimed over VAPIX, with what an app has to fit', async () => {
  const { body } = await system.call<Device>('GET', `/device/v1/devices/${camera.deviceId}`)
  expect(body).toMatchObject({
    ...{ driver: 'vapix', manufacturer: 'AXIS', model: camera.model, serialNumber: camera.deviceId },
    ...{ architecture: 'aarch64', firmwareVersion: camera.osVersion, appFormats: ['eap'] },
  })
})

test('an app is bought, installed with its license where the listing says, started, updated, set back and removed', async () => {
  const parameters = [{ name: 'License', default: '', type: 'string' }]
  expect(await publish({ version: '1.0.0', parameters })).toMatchObject({ status: 201 })
  const { body: before } = await system.call<App>('GET', `/store/v1/apps/${appId}`)
  expect(before.licenseCheckedBy).toBe('NOBODY')
  const licensePlacement = { kind: 'PARAMETER', name: 'License' }
  const { body: listed } = await system.call<App>('PATCH', `/store/v1/apps/${appId}`, { licensePlacement })
  expect(listed.licenseCheckedBy).toBe('APP')
  await buy(system, appId, 1)

  await system.call('PUT', pathOf(camera.deviceId), { licenseType: 'FULL', start: true })
  const installed = await system.settled(appId, camera.deviceId)
  expect(installed).toMatchObject({
    installationState: 'INSTALLED',
    runningState: 'RUNNING',
    installedVersion: '1.0.0',
  })
  const [app] = camera.apps()
  expect(app).toMatchObject({ appId, version: '1.0.0', state: 'Running' })
  expect(app?.parameters.License).toMatch(/^eyJ/)

  expect(await publish({ version: '1.1.0', parameters })).toMatchObject({ status: 201 })
  await system.call('POST', pathOf(camera.deviceId))
  const updated = await system.settled(appId, camera.deviceId)
  expect(updated).toMatchObject({ installationState: 'INSTALLED', runningState: 'RUNNING', installedVersion: '1.1.0' })

  const back = { licenseType: 'FULL', version: '1.0.0' }
  const refused = await system.call('PUT', pathOf(camera.deviceId), back)
  expect(refused).toMatchObject({ status: 409, body: { code: 'downgrade' } })
  expect(refused.body.detail).toContain('data that the newer version wrote')
  camera.clearRequests()
  await system.call('PUT', pathOf(camera.deviceId), { ...back, allowDowngrade: true })
  const setBack = await system.settled(appId, camera.deviceId)
  expect(setBack).toMatchObject({ ...{ installedVersion: '1.0.0', runningState: 'RUNNING' }, license: updated.license })
  expect(camera.apps()[0]?.parameters.License).toBe(app?.parameters.License)
  // in place: nothing was removed for it
  expect(camera.requests.filter(({ path }) => path.endsWith('control.cgi')).length).toBe(0)

  await system.call('DELETE', pathOf(camera.deviceId))
  expect(await system.settled(appId, camera.deviceId)).toMatchObject({ installationState: 'NOT_INSTALLED' })
  expect(camera.apps()).toEqual([])
})

test('an app that Axis protects takes no unit, and runs on the key file that was uploaded for the camera', async () => {
  const name = 'guarded'
  await publish({ appId: name, version: '1.0.0', copyProtection: 'axis', axisAppId: '415129' })
  const path = `/software/v1/apps/${name}/devices/${camera.deviceId}`
  const wish = { licenseType: 'FULL', start: true }
  expect(await system.call('PUT', path, wish)).toMatchObject({ status: 409, body: { code: 'vendor-license-missing' } })

  const key = { applicationId: '415129', deviceId: camera.deviceId, expires: '2099-12-31' }
  const upload = () =>
    system.call<VendorLicenseUpload>(
      'POST',
      `/license/v1/vendor-licenses?appId=${name}`,
      new Uint8Array(Buffer.from(writeAxisLicenseKey(key))),
      { 'content-type': 'application/octet-stream' },
    )
  expect((await upload()).body.files).toMatchObject([{ result: 'STORED', deviceId: camera.deviceId }])
  await system.call('PUT', path, wish)
  expect(await system.settled(name, camera.deviceId)).toMatchObject({ runningState: 'RUNNING', error: null })
  const onCamera = () => camera.apps().find((app) => app.appId === name)
  expect(onCamera()).toMatchObject({ license: 'Valid', licenseExpires: '2099-12-31' })

  key.expires = '2100-12-31'
  expect((await upload()).body.files).toMatchObject([{ result: 'RENEWED' }])
  await expect.poll(() => onCamera()?.licenseExpires, { timeout: 30_000 }).toBe('2100-12-31')
  await system.settled(name, camera.deviceId)

  await system.call('DELETE', path)
  expect(await system.settled(name, camera.deviceId)).toMatchObject({ installationState: 'NOT_INSTALLED' })
  const { body } = await system.call<License[]>('GET', `/license/v1/licenses/apps/${name}/devices/${camera.deviceId}`)
  expect(body).toMatchObject([{ issuer: 'VENDOR', state: 'VALID', validUntil: '2100-12-31T23:59:59Z' }])

  await system.call('PUT', path, wish)
  expect(await system.settled(name, camera.deviceId)).toMatchObject({ runningState: 'RUNNING', error: null })
  expect(onCamera()).toMatchObject({ license: 'Valid', licenseExpires: '2100-12-31' })
  await system.call('POST', `/license/v1/licenses/${body[0]?.licenseId}/release`, { reason: 'used elsewhere' })
  await expect.poll(() => onCamera()?.license, { timeout: 30_000 }).toBe('Missing')
  const released = await system.settled(name, camera.deviceId)
  expect(released).toMatchObject({ installationState: 'INSTALLED', license: null })
})

test('an app that ends by itself is told with the end of its log', async () => {
  camera.setFault('appFallsBackMs', 50)
  await system.call('PUT', pathOf(camera.deviceId), { licenseType: 'FULL', start: true })
  const failed: Installation = await system.settled(appId, camera.deviceId, {
    ...{ timeoutMs: 90_000, until: ({ error }) => error !== null },
  })
  expect(failed.error).toMatchObject({ code: 'app-fell-back', appLog: expect.stringContaining('exit code 1') })
})
