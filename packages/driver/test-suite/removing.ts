import { describe, expect, test } from 'vitest'
import { DriverError } from '../src/index.ts'
import type { ConformanceRun } from './conformance-run.ts'

export function testRemoving({ module, options, begin, beginInstalled, withFault }: ConformanceRun): void {
  describe(`${module.name}: removing, hints, the end`, () => {
    test('an uninstalled app is gone, and doing it again is a success', async () => {
      const { camera, driver, appId } = await beginInstalled()
      await driver.start(appId, options())
      await driver.uninstall(appId, options())
      expect(camera.apps()).toEqual([])
      await driver.uninstall(appId, options())
    })

    withFault('uninstall-never-ends', 'a removal that never ends is not reported as one', async () => {
      const { camera, driver, appId } = await beginInstalled()
      camera.fail({ kind: 'uninstall-never-ends' })
      await expect(driver.uninstall(appId, { signal: AbortSignal.timeout(300) })).rejects.toThrow()
      expect(camera.apps()).toMatchObject([{ appId }])
    })

    test('a change by somebody else comes as a hint, and the signal ends the hints', async () => {
      const { camera, driver } = await begin()
      const stop = new AbortController()
      const hints = driver.watch({ signal: AbortSignal.any([options().signal, stop.signal]) })
      if (hints === null) return
      // The subscription begins with the first wait: apps come until one of them is noticed.
      const coming = setInterval(() => camera.putApp(`com.example.app${camera.apps().length}`), 50)
      try {
        for await (const { appId } of hints) {
          expect(appId).toMatch(/^com\.example\.app/)
          stop.abort()
        }
      } finally {
        clearInterval(coming)
      }
      expect(stop.signal.aborted).toBe(true)
    })

    test('a closed driver asks nothing more', async () => {
      const { camera, driver } = await begin()
      await driver.readIdentity(options())
      await driver.close()
      const before = camera.requests
      await expect(driver.listApps(options())).rejects.toBeInstanceOf(DriverError)
      expect(camera.requests).toBe(before)
    })

    test('an aborted signal keeps a call from being made', async () => {
      const { camera, driver } = await begin()
      await expect(driver.listApps({ signal: AbortSignal.abort() })).rejects.toBeInstanceOf(DriverError)
      expect(camera.requests).toBe(0)
    })
  })
}
