import { DriverError } from '@ocelli/driver'
import { expect, test } from 'vitest'
import { phases, share, tell, watchLoad, wishForAll } from './budget-site.ts'
import { createSite } from './gateway-fixture.ts'
import { appId, desiredApp, desiredDevice, packageOf, siteId } from './scripted-platform.ts'

test('no more cameras of a site are at work than it allows; the others wait without using up a deadline', async () => {
  const site = createSite({ cameraCount: 12 })
  const load = watchLoad(site, 9 * 60_000)
  wishForAll(site, 12)
  site.start()
  await site.clock.advance(5 * 60_000)
  expect(phases(site).filter((phase) => phase === 'WORKING')).toHaveLength(2)
  expect(phases(site).filter((phase) => phase === 'WAITING')).toHaveLength(10)
  for (const deviceId of site.platform.desired.keys()) await site.untilSettled(deviceId)
  expect(load.most).toBe(2)
  expect(phases(site)).toEqual(Array(12).fill('CONVERGED'))
})

test('two sites of one gateway do not take from each other', async () => {
  const site = createSite({ cameraCount: 6 })
  const other = '5172e000-0000-4000-8000-000000000002'
  site.platform.sites = [share(1), share(2, { siteId: other })]
  const load = watchLoad(site, 5 * 60_000)
  for (let index = 1; index <= 6; index++) {
    const changes = index > 3 ? { siteId: other } : {}
    site.platform.desired.set(`camera-${index}`, desiredDevice(`camera-${index}`, [desiredApp()], changes))
  }
  site.start()
  await site.clock.advance(4 * 60_000)
  expect(load.atWork).toBe(3)
  for (const deviceId of site.platform.desired.keys()) await site.untilSettled(deviceId)
  expect(load.most).toBe(3)
})

test.each([
  ['ends after its minutes where nothing holds the line back', null, 'FAILED step-timeout'],
  ['has as much more time as the site’s rate needs', 2_000, 'CONVERGED'],
])('an upload of half an hour %s', async (_, uploadBytesPerSecond, outcome) => {
  const site = createSite({ cameraCount: 1 })
  site.platform.sites = [share(2, { uploadBytesPerSecond })]
  watchLoad(site, 30 * 60_000)
  wishForAll(site, 1)
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe(outcome)
})

test.each([
  ['stays low', [2_000], 'CONVERGED'],
  ['is lowered and raised again', [2_000, 1_000_000], 'CONVERGED'],
  ['is lifted, which takes back no time', [2_000, null], 'CONVERGED'],
  ['is raised', [2_000_000], 'FAILED step-timeout'],
])('an upload under way has as much more time as a rate needs that %s', async (_, rates, outcome) => {
  const site = createSite({ cameraCount: 1 })
  site.platform.sites = [share(2, { uploadBytesPerSecond: 1_000_000 })]
  const load = watchLoad(site, 30 * 60_000)
  wishForAll(site, 1)
  site.start()
  await site.clock.until(() => load.atWork === 1)
  for (const [index, uploadBytesPerSecond] of rates.entries()) {
    await site.clock.advance(60_000)
    tell(site, share(2, { number: 2 + index, uploadBytesPerSecond }))
  }
  await site.untilSettled()
  expect(site.phase()).toBe(outcome)
})

test('a raised limit admits more at once', async () => {
  const site = createSite({ cameraCount: 6 })
  const load = watchLoad(site, 5 * 60_000)
  wishForAll(site, 6)
  site.start()
  await site.clock.advance(60_000)
  expect(load.most).toBe(2)
  site.platform.sites = [{ siteId, maxInFlight: 5, repair: 'request' }]
  site.platform.disconnect()
  site.platform.connect()
  await site.clock.advance(60_000)
  expect(load.most).toBe(5)
})

test('a camera with many wishes lets the others of its site in between', async () => {
  const site = createSite({ cameraCount: 2 })
  site.platform.sites = [{ siteId, maxInFlight: 1, repair: 'request' }]
  const many = [1, 2, 3].map((digit) =>
    desiredApp({ appId: `${appId}${digit}`, revision: digit, package: packageOf('1.0', 30 + digit) }),
  )
  site.platform.desired.set('camera-1', desiredDevice('camera-1', many))
  site.platform.desired.set('camera-2', desiredDevice('camera-2', [desiredApp()]))
  watchLoad(site, 60_000)
  site.start()
  await site.untilSettled('camera-2')
  expect(site.phase('camera-1', `${appId}3`)).toBe('WAITING')
  await site.untilSettled('camera-1', `${appId}3`)
})

test('a site of 500 cameras that reconnects neither floods itself nor the platform', async () => {
  const site = createSite({ cameraCount: 500 })
  let looking = 0
  let most = 0
  const { drivers } = site
  const onvif = await drivers.onvif()
  drivers.onvif = async () => ({
    ...onvif,
    open(target) {
      const driver = onvif.open(target)
      return {
        ...driver,
        async listApps(options) {
          most = Math.max(most, ++looking)
          await site.clock.sleep(200, options.signal)
          return driver.listApps(options).finally(() => looking--)
        },
      }
    },
  })
  site.start()
  await site.clock.until(() => site.platform.state.size === 500, { withinMs: 5 * 60_000 })
  expect(most).toBeLessThanOrEqual(8)
  const before = site.platform.received.length
  const looksBefore = [...site.network.values()].reduce((sum, camera) => sum + camera.looks, 0)
  site.platform.disconnect()
  site.platform.connect()
  await site.clock.advance(2_000)
  const looks = [...site.network.values()].reduce((sum, camera) => sum + camera.looks, 0)
  expect(looks - looksBefore).toBeLessThan(60)
  const messages = site.platform.received.slice(before).filter(({ kind }) => kind === 'report')
  expect(messages.length).toBeLessThan(12)
  for (const message of messages) {
    if (message.kind === 'report') expect(message.reports.length).toBeLessThanOrEqual(200)
  }
}, 60_000)

test('a begun step of a camera that is away and has no place uses up no deadline', async () => {
  const site = createSite()
  const camera = site.camera()
  site.platform.sites = [share(1)]
  wishForAll(site, 1)
  camera.during = async ({ write, signal }) => {
    if (write === 'install') await site.clock.sleep(24 * 3_600_000, signal)
  }
  site.start()
  await site.clock.until(() => camera.writes.length === 1)
  await site.stop()
  Object.assign(camera, { isReachable: false, during: async () => undefined })
  site.platform.sites = [share(0)]
  site.start()
  await site.clock.advance(60 * 60_000)
  expect(site.phase()).toBe('WAITING')
  tell(site, share(1, { number: 2 }))
  camera.isReachable = true
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
})

test('an upload has the time that the site’s rate needs also when platform and camera went away in it', async () => {
  const site = createSite()
  const { platform, clock } = site
  const camera = site.camera()
  platform.sites = [share(1, { uploadBytesPerSecond: 1_000 })]
  wishForAll(site, 1)
  camera.during = async ({ write, when, signal }) => {
    if (write !== 'install' || when !== 'before') return
    if (camera.writes.length > 1) return await clock.sleep(25 * 60_000, signal)
    camera.isReachable = false
    platform.disconnect()
    throw new DriverError('unreachable', 'The connection broke.')
  }
  site.start()
  await clock.until(() => !camera.isReachable)
  await clock.advance(60_000)
  platform.connect()
  await clock.advance(60_000)
  camera.isReachable = true
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
})
