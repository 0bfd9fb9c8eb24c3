import { describe, expect, test } from 'vitest'
import { type ConformanceRun, expectCode } from './conformance-run.ts'

export function testRunning({ module, options, begin, beginInstalled, withFault }: ConformanceRun): void {
  describe(`${module.name}: running`, () => {
    test('an app starts and stops, and doing it again is a success', async () => {
      const { camera, driver, appId } = await beginInstalled()
      await driver.start(appId, options())
      await driver.start(appId, options())
      expect(camera.apps()).toMatchObject([{ isRunning: true }])
      expect(await driver.listApps(options())).toMatchObject([{ appId, state: 'RUNNING' }])
      await driver.stop(appId, options())
      await driver.stop(appId, options())
      expect(camera.apps()).toMatchObject([{ isRunning: false }])
    })

    test('an app that is not there cannot be started or stopped', async () => {
      const { driver } = await begin()
      await expectCode(driver.start('com.example.absent', options()), 'app-not-found')
      await expectCode(driver.stop('com.example.absent', options()), 'app-not-found')
    })

    test('an app without its license is refused as a matter of licenses', async () => {
      const { camera, driver, appId } = await beginInstalled({ needsLicense: true })
      const error = await expectCode(driver.start(appId, options()), 'license-refused')
      expect(error.category).toBe('license')
      expect(camera.apps()).toMatchObject([{ isRunning: false }])
    })

    test('a license lets the app run and is listed', async () => {
      const { camera, driver, appId } = await beginInstalled({ needsLicense: true })
      const placed = await driver.placeLicense({ appId, license: await camera.license(appId) }, options())
      expect(placed.checkedBy).toBe('CAMERA')
      await driver.start(appId, options())
      expect(await driver.listApps(options())).toMatchObject([{ state: 'RUNNING', licenses: [{}] }])
    })

    test('a license of another app is refused', async () => {
      const { camera, driver, appId } = await beginInstalled({ needsLicense: true })
      const license = await camera.license('com.example.another')
      await expectCode(driver.placeLicense({ appId, license }, options()), 'license-refused')
    })

    test('a license that the driver can take away is gone, and taking it away again is a success', async () => {
      const { camera, driver, appId } = await beginInstalled({ needsLicense: true })
      if (!driver.removeLicense) return
      await driver.placeLicense({ appId, license: await camera.license(appId) }, options())
      await driver.removeLicense({ appId }, options())
      expect(await driver.listApps(options())).toMatchObject([{ licenses: [] }])
      await driver.removeLicense({ appId }, options())
    })

    withFault('app-falls-back', 'an app that ends by itself has fallen back', async () => {
      const { camera, driver, appId } = await beginInstalled()
      camera.fail({ kind: 'app-falls-back', afterMs: 20 })
      await expectCode(driver.start(appId, options()), 'app-fell-back')
    })

    withFault('start-reply-lost', 'a start whose answer was lost succeeds when asked for again', async () => {
      const { camera, driver, appId } = await beginInstalled()
      camera.fail({ kind: 'start-reply-lost' })
      const error = await expectCode(driver.start(appId, options()), 'unreachable')
      expect(error.retryable).toBe(true)
      expect(camera.apps()).toMatchObject([{ isRunning: true }])
    })

    withFault('silent', 'a camera that stays silent is given up', async () => {
      const { camera, driver } = await begin()
      await driver.readIdentity(options())
      camera.fail({ kind: 'silent' })
      await expectCode(driver.listApps(options()), 'timeout')
    })
  })
}
