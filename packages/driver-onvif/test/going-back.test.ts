import { DriverError } from '@ocelli/driver'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { appId, callOptions, createPackages, openCamera } from './simulated-harness.ts'

let packages: Awaited<ReturnType<typeof createPackages>>
beforeAll(async () => {
  packages = await createPackages()
})
afterAll(() => packages?.remove())

async function cameraWith(version: string) {
  const { camera, driver } = await openCamera({ configurable: 'all' })
  const options = callOptions(20_000)
  await driver.install(await packages.write(version), options)
  camera.configureApp(appId, 'zones')
  return { camera, driver, options }
}

test('a lower version is refused over a higher one, which stays', async () => {
  const { camera, driver, options } = await cameraWith('2.1.0')
  const refusal = await driver.install(await packages.write('1.0.0'), options).catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(DriverError)
  expect(refusal).toMatchObject({ code: 'install-failed', message: expect.stringContaining('older') })
  expect(camera.apps()[0]).toMatchObject({ version: '2.1.0', configuration: 'zones' })
  expect(driver.capabilities.downgrade).toBe('REINSTALL')
})

test('removed and installed anew it is taken, without its configuration until that is given back', async () => {
  const { camera, driver, options } = await cameraWith('2.1.0')
  const configuration = await driver.saveConfiguration?.(appId, options)
  if (!configuration) throw new Error('The camera hands out none.')
  await driver.uninstall(appId, options)
  await driver.install(await packages.write('2.0.0'), options)
  expect(camera.apps()[0]).toMatchObject({ version: '2.0.0', configuration: '' })
  await driver.restoreConfiguration?.({ appId, configuration }, options)
  expect(camera.apps()[0]?.configuration).toBe('zones')
})

test('a configuration of another major version is refused, and one of an app that takes none', async () => {
  const { camera, driver, options } = await cameraWith('2.1.0')
  const configuration = Buffer.from(`configuration of ${appId} 3\nzones`)
  await expect(driver.restoreConfiguration?.({ appId, configuration }, options)).rejects.toMatchObject({
    ...{ code: 'refused', retryable: false },
  })
  camera.removeApp(appId)
  await expect(driver.restoreConfiguration?.({ appId, configuration }, options)).rejects.toMatchObject({
    code: 'refused',
  })
  expect(await driver.saveConfiguration?.(appId, options)).toBeNull()
})
