import { expect, test } from 'vitest'
import { createSite } from './gateway-fixture.ts'
import { appId, desiredApp, desiredDevice, packageOf, siteId } from './scripted-platform.ts'

type Site = ReturnType<typeof createSite>

/** Lets uploads last, and counts how many cameras are written to in the same moment. */
function watchLoad(site: Site, uploadMs: number) {
  const load = { atWork: 0, most: 0 }
  for (const camera of site.network.values()) {
    camera.during = async ({ write, when, signal }) => {
      if (when !== 'before') return
      load.atWork++
      load.most = Math.max(load.most, load.atWork)
      await site.clock.sleep(write === 'install' ? uploadMs : 1_000, signal).finally(() => load.atWork--)
    }
  }
  return load
}

function wishForAll(site: Site, count: number): void {
  for (let index = 1; index <= count; index++) {
    site.platform.desired.set(`camera-${index}`, desiredDevice(`camera-${index}`, [desiredApp()]))
  }
}

const phases = (site: Site) => [...site.platform.state.values()].map(({ work }) => work[0]?.phase)

test('no more cameras of a site are at work than it allows; the others wait without using up a deadline', async () => {
  const site = createSite({ cameraCount: 12 })
  const load = watchLoad(site, 9 * 60_000)
  wishForAll(site, 12)
  site.start()
  await site.clock.advance(5 * 60_000)
  expect(phases(site).filter((phase) => phase === 'WORKING')).toHaveLength(2)
  expect(phases(site).filter((phase) => phase === 'WAITING')).toHaveLength(10)
  for (const deviceId of site.platform.state.keys()) await site.untilSettled(deviceId)
  expect(load.most).toBe(2)
  expect(phases(site)).toEqual(Array(12).fill('CONVERGED'))
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
