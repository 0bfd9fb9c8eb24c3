import { describe, expect, test } from 'vitest'
import { type ConformanceRun, expectCode, wrongPassword } from './conformance-run.ts'

export function testLogins({ module, harness, options, begin }: ConformanceRun): void {
  describe(`${module.name}: logins and certificates`, () => {
    test('a wrong password reaches the camera at most twice, whatever is asked', async () => {
      const { camera, driver } = await begin({}, wrongPassword)
      const localPackage = await harness.writePackage('1.0')
      await expectCode(driver.readIdentity(options()), 'credentials-refused')
      await expectCode(driver.listApps(options()), 'credentials-refused')
      await expectCode(driver.install(localPackage, options()), 'credentials-refused')
      await expectCode(driver.start(localPackage.appId, options()), 'credentials-refused')
      await expectCode(driver.readFacts(options()), 'credentials-refused')
      expect(camera.refusedLogins).toBeGreaterThan(0)
      expect(camera.refusedLogins).toBeLessThanOrEqual(2)
    })

    test('many calls at once guess a wrong password no more often', async () => {
      const { camera, driver } = await begin({}, wrongPassword)
      await Promise.all(Array.from({ length: 8 }, () => expectCode(driver.listApps(options()), 'credentials-refused')))
      expect(camera.refusedLogins).toBeLessThanOrEqual(2)
    })

    test('a camera that asks for a login gets none when there is none', async () => {
      const { camera, driver } = await begin({}, (target) => ({ ...target, credentials: null }))
      await expectCode(driver.readIdentity(options()), 'credentials-refused')
      expect(camera.refusedLogins).toBe(0)
    })

    test('the certificate that was seen can be pinned', async () => {
      const { camera, driver } = await begin({ isSecure: true })
      await driver.readIdentity(options())
      const seen = driver.certificate()
      expect(seen?.sha256).toMatch(/^[0-9a-f]{64}$/)
      const tls = { ...camera.target.tls, pinnedSha256: seen?.sha256 ?? null }
      const pinned = module.open({ ...camera.target, tls })
      expect((await pinned.readIdentity(options())).deviceId).toBe(camera.deviceId)
      await pinned.close()
    })

    test('another certificate than the pinned one is sent nothing', async () => {
      const { camera, driver } = await begin({ isSecure: true }, (target) => ({
        ...target,
        tls: { ...target.tls, pinnedSha256: 'ab'.repeat(32) },
      }))
      await expectCode(driver.readIdentity(options()), 'certificate-changed')
      expect(camera.requests).toBe(0)
    })
  })
}
