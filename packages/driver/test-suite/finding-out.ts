import { describe, expect, test } from 'vitest'
import { type ConformanceRun, closedPort, expectCode, wrongPassword } from './conformance-run.ts'

export function testFindingOut({ module, harness, options, begin, withFault }: ConformanceRun): void {
  describe(`${module.name}: finding out`, () => {
    test('a probe tells what the camera is without a login, and whether it runs apps where that shows', async () => {
      const { camera } = await begin()
      const probe = await module.probe(wrongPassword(camera.target), options())
      expect(probe).toMatchObject({ speaks: true, runsApps: harness.probeTellsApps ? true : null })
      expect(probe.detail).toMatch(/\S/)
      expect(camera.refusedLogins).toBe(0)
    })

    test('a probe of a closed port throws unreachable', async () => {
      const target = { ...(await begin()).camera.target, address: `http://127.0.0.1:${await closedPort()}` }
      await expectCode(module.probe(target, options()), 'unreachable')
    })

    test('the identity is the one that the camera reports, with its source', async () => {
      const { camera, driver } = await begin()
      const identity = await driver.readIdentity(options())
      expect(identity.deviceId).toBe(camera.deviceId)
      expect(identity.source).toMatch(new RegExp(`^${module.name}:`))
    })

    test('facts name the formats that the camera takes', async () => {
      const { driver } = await begin()
      const facts = await driver.readFacts(options())
      expect(facts.appFormats).toContain((await harness.writePackage('1.0')).format)
      expect(facts.model).toMatch(/\S/)
    })

    test('the clock offset of a camera with our time is below two seconds', async () => {
      const { driver } = await begin()
      expect(Math.abs((await driver.readClockOffset(options())) ?? Number.NaN)).toBeLessThan(2_000)
    })

    test('apps that somebody else put there are listed', async () => {
      const { camera, driver } = await begin()
      camera.putApp('com.example.foreign')
      expect(await driver.listApps(options())).toMatchObject([{ appId: 'com.example.foreign', state: 'NOT_RUNNING' }])
      expect(camera.writes).toBe(0)
    })

    withFault('answers-garbage', 'garbage for an answer is a bad reply', async () => {
      const { camera, driver } = await begin()
      camera.fail({ kind: 'answers-garbage' })
      await expectCode(driver.listApps(options()), 'bad-reply')
    })
  })
}
