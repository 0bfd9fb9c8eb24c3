import { expect, test } from 'vitest'
import { inUse, phases, share, tell, watchLoad, wishForAll } from './budget-site.ts'
import { createSite } from './gateway-fixture.ts'
import { desiredApp, desiredDevice } from './scripted-platform.ts'

test('a lowered share is kept to as soon as the running steps have ended, and that is told at every one of them', async () => {
  const site = createSite({ cameraCount: 6 })
  site.platform.sites = [share(4)]
  const load = watchLoad(site, 5 * 60_000)
  wishForAll(site, 6)
  site.start()
  await site.clock.until(() => load.atWork === 4)
  tell(site, share(1, { number: 2 }))
  await site.clock.advance(10_000)
  expect(inUse(site)).toContainEqual({ number: 2, inFlight: 4, waiting: 2 })
  let most = 4
  await site.clock.until(
    () => {
      expect(load.atWork).toBeLessThanOrEqual(most)
      most = Math.max(1, Math.min(most, load.atWork))
      return phases(site).every((phase) => phase === 'CONVERGED')
    },
    { withinMs: 3_600_000 },
  )
  expect(most).toBe(1)
  expect(inUse(site)).toContainEqual({ number: 2, inFlight: 1, waiting: 5 })
})

test('an older share that comes late changes nothing', async () => {
  const site = createSite({ cameraCount: 4 })
  site.platform.sites = [share(1, { number: 7 })]
  const load = watchLoad(site, 60_000)
  wishForAll(site, 4)
  site.start()
  await site.clock.advance(30_000)
  tell(site, share(4, { number: 6 }))
  await site.clock.advance(120_000)
  expect(load.most).toBe(1)
  expect(inUse(site).every(({ number }) => number === 7)).toBe(true)
})

test('a share of nothing begins nothing, tells that cameras wait, and ends when there is a place', async () => {
  const site = createSite({ cameraCount: 2 })
  site.platform.sites = [share(0)]
  wishForAll(site, 2)
  site.start()
  await site.clock.advance(5 * 60_000)
  expect(phases(site)).toEqual(['WAITING', 'WAITING'])
  expect(inUse(site)).toContainEqual({ number: 1, inFlight: 0, waiting: 2 })
  tell(site, share(1, { number: 2 }))
  for (const deviceId of site.platform.desired.keys()) await site.untilSettled(deviceId)
  expect(phases(site)).toEqual(['CONVERGED', 'CONVERGED'])
})

test('a gateway that is cut off begins nothing, and after it keeps to the new share whatever it had before', async () => {
  const site = createSite({ cameraCount: 6 })
  site.platform.sites = [share(3)]
  const load = watchLoad(site, 5 * 60_000)
  wishForAll(site, 6)
  site.start()
  await site.clock.until(() => load.atWork === 3)
  site.platform.disconnect()
  const begun = () => [...site.network.values()].filter((camera) => camera.writes.length > 0).length
  await site.clock.advance(60 * 60_000)
  expect([load.atWork, begun()]).toEqual([0, 3])
  site.platform.sites = [share(1, { number: 2 })]
  load.most = 0
  site.platform.connect()
  for (const deviceId of site.platform.desired.keys()) await site.untilSettled(deviceId)
  expect(load.most).toBe(1)
})

test('a camera that a killed gateway was at work on has a place before the others', async () => {
  const site = createSite({ cameraCount: 5 })
  site.platform.sites = [share(1)]
  watchLoad(site, 5 * 60_000)
  wishForAll(site, 5)
  site.start()
  await site.clock.until(() => [...site.network.values()].some((camera) => camera.writes.length > 0))
  const [begun] = [...site.network].filter(([, camera]) => camera.writes.length > 0).map(([address]) => address)
  const writesBefore = site.network.get(begun ?? '')?.writes.length ?? 0
  await site.stop()
  site.start()
  await site.clock.until(() => [...site.network.values()].some((camera) => camera.writes.length > 1))
  expect(site.network.get(begun ?? '')?.writes.length).toBeGreaterThan(writesBefore)
  expect([...site.network.values()].filter((camera) => camera.writes.length > 0)).toHaveLength(1)
})

test('a camera that came to a site of which nothing was said gets it told by a new hello', async () => {
  const site = createSite({ cameraCount: 1 })
  const elsewhere = '5172e000-0000-4000-8000-000000000002'
  site.platform.desired.set('camera-1', desiredDevice('camera-1', [desiredApp()], { siteId: elsewhere }))
  site.start()
  await site.clock.advance(60_000)
  expect(phases(site)).toEqual(['WAITING'])
  site.platform.sites = [share(1), share(1, { siteId: elsewhere })]
  await site.untilSettled('camera-1')
  expect(site.phase()).toBe('CONVERGED')
})
