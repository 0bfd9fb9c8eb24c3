import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { type ConformanceRun, expectCode } from './conformance-run.ts'

export function testInstalling({ module, harness, options, begin, beginInstalled, withFault }: ConformanceRun): void {
  describe(`${module.name}: installing`, () => {
    test('an installation reports its progress and ends with the version listed', async () => {
      const { camera, driver } = await begin()
      const localPackage = await harness.writePackage('1.0')
      const steps: string[] = []
      const percents: number[] = []
      const app = await driver.install(localPackage, {
        ...options(),
        onProgress: ({ step, percent }) => {
          steps.push(step)
          if (step === 'UPLOAD' && percent !== null) percents.push(percent)
        },
      })
      const { appId, version } = localPackage
      expect(app).toMatchObject({ appId, version })
      expect(app.state).not.toBe('INSTALLING')
      expect(camera.apps()).toMatchObject([{ appId, version }])
      expect(percents.at(-1)).toBe(100)
      expect(percents).toEqual([...percents].sort((left, right) => left - right))
      expect(steps.at(-1)).toBe('INSTALL')
    })

    test('a higher version updates the app', async () => {
      const { camera, driver, appId } = await beginInstalled()
      const next = await harness.writePackage('2.0')
      const app = await driver.install(next, options())
      expect(app.version).toBe(next.version)
      expect(camera.apps()).toMatchObject([{ appId, version: next.version }])
    })

    test('a package goes no faster than its pace, whole and with its length told before', async () => {
      const { camera, driver } = await begin()
      const localPackage = await harness.writePackage('1.0')
      const gate = Promise.withResolvers<void>()
      const isAsked = Promise.withResolvers<void>()
      let bytes = 0
      const pace = async (piece: number) => {
        bytes += piece
        isAsked.resolve()
        await gate.promise
      }
      const installing = driver.install(localPackage, { ...options(), pace })
      await isAsked.promise
      expect(camera.apps()).toEqual([])
      expect(bytes).toBeLessThanOrEqual(localPackage.size)
      gate.resolve()
      expect(await installing).toMatchObject({ version: localPackage.version })
      expect(bytes).toBe(localPackage.size)
    })

    test('an upload that waits for its pace ends with its signal', async () => {
      const { camera, driver } = await begin()
      const stop = new AbortController()
      const isAsked = Promise.withResolvers<void>()
      const pace = (_bytes: number, signal: AbortSignal) => {
        isAsked.resolve()
        return new Promise<void>((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        })
      }
      const installing = driver.install(await harness.writePackage('1.0'), { signal: stop.signal, pace })
      installing.catch(() => undefined)
      await isAsked.promise
      stop.abort(new Error('stopped'))
      await expect(installing).rejects.toThrow()
      expect(camera.apps()).toEqual([])
    })

    test('an installation leaves the apps of others as they are', async () => {
      const { camera, driver } = await begin()
      camera.putApp('com.example.foreign')
      await driver.install(await harness.writePackage('1.0'), options())
      expect(camera.apps().map(({ appId }) => appId)).toContain('com.example.foreign')
    })

    withFault('no-events', 'a camera without events is polled', async () => {
      const { camera, driver } = await begin()
      camera.fail({ kind: 'no-events' })
      const localPackage = await harness.writePackage('1.0')
      expect((await driver.install(localPackage, options())).version).toBe(localPackage.version)
    })

    withFault('install-fails', 'a failed installation tells the reason in the words of the camera', async () => {
      const { camera, driver } = await begin()
      camera.fail({ kind: 'install-fails', status: 'bad signature' })
      const error = await expectCode(driver.install(await harness.writePackage('1.0'), options()), 'install-failed')
      expect(error.deviceCode).toContain((harness.failureWords ?? String)('bad signature'))
      expect(error.retryable).toBe(false)
      expect(camera.apps()).toEqual([])
    })

    withFault('install-fails', 'a failed update leaves the version that was there', async () => {
      const { camera, driver, appId, version } = await beginInstalled()
      camera.fail({ kind: 'install-fails', status: 'bad signature' })
      await expectCode(driver.install(await harness.writePackage('2.0'), options()), 'install-failed')
      expect(camera.apps()).toMatchObject([{ appId, version }])
    })

    withFault('package-refused', 'a package that the camera does not take is refused', async () => {
      const { camera, driver } = await begin()
      camera.fail({ kind: 'package-refused' })
      await expectCode(driver.install(await harness.writePackage('1.0'), options()), 'package-refused')
    })

    withFault('storage-full', 'a camera without space says so', async () => {
      const { camera, driver } = await begin()
      camera.fail({ kind: 'storage-full' })
      await expectCode(driver.install(await harness.writePackage('1.0'), options()), 'storage-full')
    })

    withFault('install-never-ends', 'an installation that never ends comes back soon after its signal', async () => {
      const { camera, driver } = await begin()
      camera.fail({ kind: 'install-never-ends' })
      const stop = new AbortController()
      const installing = driver.install(await harness.writePackage('1.0'), {
        signal: stop.signal,
        onProgress: ({ step }) => {
          if (step === 'INSTALL') setImmediate(() => stop.abort(new Error('enough')))
        },
      })
      installing.catch(() => undefined)
      await once(stop.signal, 'abort')
      const abortedAtMs = performance.now()
      await expect(installing).rejects.toThrow()
      // The gateway leaves a call behind that has not come back within two seconds.
      expect(performance.now() - abortedAtMs).toBeLessThan(2_000)
    })

    withFault(
      'restarts-while-installing',
      'a restart in the middle ends in the app or in a failure worth a retry',
      async () => {
        const { camera, driver } = await begin()
        camera.fail({ kind: 'restarts-while-installing' })
        const localPackage = await harness.writePackage('1.0')
        const ended = await driver.install(localPackage, options()).catch((error: unknown) => error)
        if (ended instanceof Error) expect(ended).toMatchObject({ retryable: true })
        const again = await driver.install(localPackage, options())
        const { appId, version } = localPackage
        expect(again.version).toBe(version)
        expect(camera.apps()).toMatchObject([{ appId, version }])
      },
    )
  })
}
