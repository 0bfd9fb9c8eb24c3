import { DriverError } from '@ocelli/driver'
import { describe, expect, test } from 'vitest'
import { addressOf, cameraRecord } from './gateway-fixture.ts'
import {
  ask,
  device,
  expectWorks,
  finalOf,
  fresh,
  loginFor,
  minuteMs,
  old,
  openFiles,
  resultsOf,
  startSite,
  stored,
  untilFinal,
  untilTold,
} from './password-site.ts'
import type { ScriptedCamera } from './scripted-camera.ts'
import { appId, desiredApp, desiredDevice } from './scripted-platform.ts'

/*
 * The table of `password-changes.ts`: whatever breaks, the record ends with the password that the camera takes, and no camera is
 * shown more than two refused logins in half an hour.
 */

type During = ScriptedCamera['during']

/** What happens in the moment before the camera is sent a new password, or after it has taken it. */
const at =
  (when: 'before' | 'after', act: (signal: AbortSignal) => unknown): During =>
  async (moment) => {
    if (moment.write === 'setPassword' && moment.when === when) await act(moment.signal)
  }

const loseAnswer = () => {
  throw new DriverError('unreachable', 'No answer came.')
}
const lose = (when: 'before' | 'after') => at(when, loseAnswer)

describe('a new password', () => {
  test('is set, proved and kept, with no refused login', async () => {
    const site = await startSite()
    const login = loginFor(fresh)
    ask(site, login)
    expect(await untilFinal(site, login)).toEqual({ loginId: login.loginId, deviceId: device, error: null })
    await expectWorks(site, fresh)
    expect(site.camera().refusedLogins).toBe(0)
    ask(site, login)
    await site.stop()
    site.start()
    await site.clock.settle()
    ask(site, login)
    await site.clock.until(() => resultsOf(site, login.loginId).length > 2)
    expect(site.camera().writes).toEqual(['password'])
  })

  test('whose answer is lost is found to count by looking', async () => {
    const site = await startSite()
    site.camera().during = lose('after')
    const login = loginFor(fresh)
    ask(site, login)
    expect(await untilFinal(site, login)).toMatchObject({ error: null })
    await expectWorks(site, fresh)
    expect(site.camera().refusedLogins).toBe(1)
  })

  test('is found out in the next half hour where one refused login costs both tries', async () => {
    const site = await startSite()
    site.camera().refusalCost = 2
    site.camera().during = lose('after')
    const login = loginFor(fresh)
    ask(site, login)
    expect(await untilFinal(site, login, 40 * minuteMs)).toMatchObject({ error: null })
    await expectWorks(site, fresh)
    expect(site.camera().refusedLogins).toBe(2)
  })

  test('that never reached the camera is told to be in doubt, and then not to be set', async () => {
    const site = await startSite()
    site.camera().during = lose('before')
    const login = loginFor(fresh)
    ask(site, login)
    await untilTold(site, login)
    expect(resultsOf(site, login.loginId)).toMatchObject([{ isUnknown: true, error: { code: 'busy' } }])
    expect(openFiles(site)).toHaveLength(1)
    expect(await untilFinal(site, login)).toMatchObject({ error: { code: 'password-not-set' } })
    await expectWorks(site, old)
    expect(site.camera().refusedLogins).toBe(0)
  })

  test('that the camera lets count a minute late is not given up before', async () => {
    const site = await startSite()
    const camera = site.camera()
    camera.during = at('before', () => {
      void site.clock.sleep(70_000, new AbortController().signal).then(() => {
        camera.password = fresh
      })
      loseAnswer()
    })
    const login = loginFor(fresh)
    ask(site, login)
    expect(await untilFinal(site, login)).toMatchObject({ error: null })
    await expectWorks(site, fresh)
    expect(camera.refusedLogins).toBe(1)
  })

  test('that the camera says to have taken and does not is not believed', async () => {
    const site = await startSite()
    const camera = site.camera()
    camera.during = at('after', () => {
      camera.password = old
    })
    const login = loginFor(fresh)
    ask(site, login)
    expect(await untilFinal(site, login)).toMatchObject({ error: { code: 'password-not-set' } })
    await expectWorks(site, old)
    expect(camera.refusedLogins).toBe(1)
  })

  test('that the camera refuses changes nothing, and its words are told', async () => {
    const site = await startSite()
    site.camera().during = at('before', () => {
      throw new DriverError('password-refused', 'Too weak.')
    })
    const login = loginFor(fresh)
    ask(site, login)
    expect(await untilFinal(site, login, 5_000)).toMatchObject({
      error: { category: 'refused-by-device', code: 'password-refused', detail: 'Too weak.' },
    })
    await expectWorks(site, old)
  })

  test('that a camera is sent before it goes away is looked for when it is back', async () => {
    const site = await startSite()
    const camera = site.camera()
    camera.during = at('after', () => {
      camera.isReachable = false
    })
    const login = loginFor(fresh)
    ask(site, login)
    await untilTold(site, login)
    expect(resultsOf(site, login.loginId)).toMatchObject([{ isUnknown: true, error: { code: 'unreachable' } }])
    await site.clock.advance(20 * minuteMs)
    expect(finalOf(site, login.loginId)).toBeUndefined()
    camera.isReachable = true
    expect(await untilFinal(site, login)).toMatchObject({ error: null })
    await expectWorks(site, fresh)
    expect(camera.refusedLogins).toBe(1)
  })

  test.each([1, 2] as const)(
    'beside which others change the password too costs two refused logins in half an hour, of %i each',
    async (cost) => {
      const site = await startSite()
      const camera = site.camera()
      camera.refusalCost = cost
      camera.during = at('after', () => {
        camera.password = 'by hand'
      })
      const login = loginFor(fresh)
      ask(site, login)
      await site.clock.advance(25 * minuteMs)
      ask(site, login)
      await site.clock.advance(minuteMs)
      expect(camera.refusedLogins).toBe(2)
      expect(resultsOf(site, login.loginId).every(({ isUnknown }) => isUnknown)).toBe(true)
      expect(site.platform.state.get(device)?.connectivity).toMatchObject({
        state: 'ONLINE',
        reason: 'credentials-refused',
      })
      const proved = loginFor('by hand', 'credentials')
      ask(site, proved)
      expect(await untilFinal(site, proved)).toMatchObject({ error: null })
      expect(await untilFinal(site, login)).toMatchObject({ error: { code: 'password-overtaken' } })
      await expectWorks(site, 'by hand')
    },
  )

  test('waits until what is under way on the camera has ended', async () => {
    const site = await startSite()
    const camera = site.camera()
    const login = loginFor(fresh)
    camera.during = async ({ write, when, signal }) => {
      if (write !== 'install' || when !== 'before') return
      ask(site, login)
      await site.clock.sleep(3 * minuteMs, signal)
    }
    site.platform.wish(desiredDevice(device, [desiredApp()]))
    await site.untilSettled()
    expect(await untilFinal(site, login)).toMatchObject({ error: null })
    expect(site.phase()).toBe('CONVERGED')
    expect(camera.writes.indexOf('password')).toBeGreaterThan(camera.writes.indexOf(`install ${appId} 4.0.0`))
    expect(camera.refusedLogins).toBe(0)
  })

  test('is taken up at once, however long the disk takes to note a wish that came meanwhile', async () => {
    const site = await startSite()
    const { camera, stateFolder, clock } = site
    const write = stateFolder.writeJson
    stateFolder.writeJson = async (name, value) => {
      if (name.startsWith('work/')) await clock.sleep(10_000, new AbortController().signal)
      await write(name, value)
    }
    camera().during = at('after', async () => {
      site.platform.wish(desiredDevice(device, [desiredApp()]))
      await clock.settle()
    })
    const login = loginFor(fresh)
    ask(site, login)
    expect(await untilFinal(site, login)).toMatchObject({ error: null })
    await site.untilSettled()
    expect(site.phase()).toBe('CONVERGED')
    expect(camera().refusedLogins).toBe(0)
  })

  test('that the camera has taken is the one to be tried first when it is back', async () => {
    const site = await startSite()
    const camera = site.camera()
    camera.refusalCost = 2
    camera.during = at('after', (signal) => {
      // after the answer, before the login that is to prove it
      void site.clock.sleep(7, signal).then(() => {
        camera.isReachable = false
      })
    })
    const login = loginFor(fresh)
    ask(site, login)
    await untilTold(site, login)
    expect(resultsOf(site, login.loginId)).toMatchObject([{ isUnknown: true, error: { code: 'unreachable' } }])
    camera.isReachable = true
    expect(await untilFinal(site, login)).toMatchObject({ error: null })
    await expectWorks(site, fresh)
    expect(camera.refusedLogins).toBe(0)
  })

  test.each([1, 2] as const)(
    'is found out where the camera moved meanwhile, where a refused login costs %i',
    async (cost) => {
      const site = await startSite()
      const camera = site.camera()
      camera.refusalCost = cost
      camera.during = at('after', () => {
        site.network.delete(addressOf(1))
        site.network.set(addressOf(9), camera)
        loseAnswer()
      })
      const login = loginFor(fresh)
      ask(site, login)
      expect(await untilFinal(site, login, 100 * minuteMs)).toMatchObject({ error: null })
      expect(site.cameras.get(device)?.address).toBe(addressOf(9))
      expect([camera.password, stored(site), openFiles(site)]).toEqual([fresh, fresh, []])
      expect(camera.refusedLogins).toBe(cost)
    },
  )

  test('is not sent while it is not known whether an earlier one counts', async () => {
    const site = await startSite()
    site.camera().during = lose('before')
    const [first, second] = [loginFor(fresh), loginFor('another one')]
    ask(site, first, second)
    expect(await untilFinal(site, second)).toMatchObject({ error: { code: 'password-in-doubt' } })
    expect(await untilFinal(site, first)).toMatchObject({ error: { code: 'password-not-set' } })
    expect(site.camera().writes).toEqual(['password'])
  })

  test('of another user, and one that would go over the network in clear, are not sent', async () => {
    const site = await startSite()
    const other = loginFor(fresh, 'password', 'admin')
    ask(site, other)
    expect(await untilFinal(site, other)).toMatchObject({ error: { code: 'user-differs' } })
    const open = 'http://192.0.2.1'
    site.network.set(open, site.camera())
    await site.cameras.save(cameraRecord(1, { address: open, tls: { pinnedSha256: null, allowLegacy: false } }))
    const inClear = loginFor(fresh)
    ask(site, inClear)
    expect(await untilFinal(site, inClear)).toMatchObject({ error: { code: 'needs-tls' } })
    expect(site.camera().writes).toEqual([])
    const allowed = loginFor(fresh, 'password', 'root', { allowHttp: true })
    ask(site, allowed)
    expect(await untilFinal(site, allowed)).toMatchObject({ error: null })
  })

  test("of a camera that is another gateway's by now is forgotten", async () => {
    const site = await startSite()
    const camera = site.camera()
    camera.during = at('after', () => {
      camera.isReachable = false
    })
    const login = loginFor(fresh)
    ask(site, login)
    await untilTold(site, login)
    site.platform.down({ kind: 'unassigned', session: site.platform.session, deviceIds: [device] })
    await site.clock.until(() => openFiles(site).length === 0)
  })
})
