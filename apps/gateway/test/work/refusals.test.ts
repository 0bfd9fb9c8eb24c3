import { DriverError } from '@ocelli/driver'
import { expect, test } from 'vitest'
import { GatewayError } from '../../src/state/gateway-error.ts'
import { createSite } from './gateway-fixture.ts'
import { appId, desiredApp, desiredDevice } from './scripted-platform.ts'

const device = 'camera-1'

test('a license that the platform refuses fails the installation with its sentence', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.platform.refuseLicense = 'The order has ended.'
  site.start()
  await site.untilSettled()
  expect(site.platform.work(device, appId)?.error).toMatchObject({
    ...{ category: 'license', code: 'license-not-issued', detail: 'The order has ended.' },
  })
  expect(site.camera().writes.filter((write) => write.startsWith('license'))).toEqual([])
})

test('a license that the camera refuses is not tried again', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.camera().during = async ({ write, when }) => {
    if (write === 'placeLicense' && when === 'before') throw new DriverError('license-refused', 'Wrong device.')
  }
  site.start()
  await site.untilSettled()
  expect(site.platform.work(device, appId)?.error).toMatchObject({ category: 'license', code: 'license-refused' })
  expect(site.camera().writes.filter((write) => write.startsWith('license'))).toHaveLength(1)
})

test('a damaged package is an error of the network', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.packages.during = async () => {
    throw new GatewayError('package-corrupt', 'The package does not have its SHA-256.')
  }
  site.start()
  await site.untilSettled()
  expect(site.platform.work(device, appId)?.error).toMatchObject({ category: 'network', code: 'package-corrupt' })
  expect(site.packages.downloads).toHaveLength(4)
  expect(site.camera().writes).toEqual([])
})
