import { afterAll, expect, test } from 'vitest'
import { appId, callOptions, createPackages, openCamera } from './axis-harness.ts'

const packages = await createPackages()
afterAll(packages.remove)

const zones = { parameters: [{ name: 'Zones', default: 'none', type: 'string' }] }

test.each([
  ['11', 'three'],
  ['9', 'three'],
  ['5', 'none'],
])('AXIS OS %s takes a lower version like a higher one, and the setting is then: %s', async (os, setting) => {
  const { camera, driver } = await openCamera({ os, allowUnsigned: true })
  const options = callOptions(15_000)
  await driver.install(await packages.write('2.1', zones), options)
  const placement = { kind: 'PARAMETER', name: 'Zones' } as const
  await driver.placeLicense({ appId, license: 'three', placement }, options)
  await driver.install(await packages.write('1.0', zones), options)
  expect((await driver.listApps(options))[0]?.version).toMatch(/^1\.0/)
  expect(camera.apps()).toMatchObject([{ parameters: { Zones: setting } }])
  expect(driver.capabilities.downgrade).toBe('IN_PLACE')
})
