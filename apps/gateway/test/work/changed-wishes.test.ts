import { expect, test } from 'vitest'
import { createSite } from './gateway-fixture.ts'
import { listedApp } from './scripted-camera.ts'
import { appId, desiredApp, desiredDevice, packageOf } from './scripted-platform.ts'

const device = 'camera-1'

test('a wish for a newer version interrupts a download', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.packages.during = (signal) => site.clock.sleep(3_600_000, signal)
  site.start()
  await site.clock.until(() => site.packages.downloads.length === 1)
  await site.clock.advance(1_000)
  site.packages.during = async () => undefined
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 2, package: packageOf('4.1.1', 24) })]))
  const beganAtMs = site.clock.monotonic()
  await site.untilSettled(device, appId, 2)
  expect(site.clock.monotonic() - beganAtMs).toBeLessThan(10_000)
  expect(site.camera().writes).toEqual([`install ${appId} 4.1.1`, `license ${appId} license-1`])
})

/** Starts the site, and resolves in the middle of an upload that takes another minute. */
async function untilUploading(site: ReturnType<typeof createSite>): Promise<void> {
  let isInside = false
  site.camera().during = async ({ write, when, signal }) => {
    if (write !== 'install' || when !== 'before') return
    isInside = true
    await site.clock.sleep(60_000, signal)
  }
  site.start()
  await site.clock.until(() => isInside)
}

test('a wish for removal lets a running upload finish', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  await untilUploading(site)
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 2, presence: 'ABSENT', package: null })]))
  await site.untilSettled(device, appId, 2)
  expect(site.camera().writes).toEqual([`install ${appId} 4.0.0`, `uninstall ${appId}`])
  expect(site.platform.licensesAsked).toEqual([])
})

test('a device that is taken away is forgotten after its running step', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  await untilUploading(site)
  site.platform.down({ kind: 'unassigned', session: site.platform.session, deviceIds: [device] })
  await site.clock.advance(10 * 60_000)
  expect(site.camera().writes).toEqual([`install ${appId} 4.0.0`])
  expect(site.camera().apps.get(appId)?.version).toBe('4.0.0')
  expect(site.cameras.list()).toEqual([])
  expect([...site.stateFolder.files.keys()]).toEqual([])
})

test('a wish that comes while the list is read is not judged by that list', async () => {
  const site = createSite()
  site.start()
  await site.clock.until(() => site.platform.state.size === 1)
  site.camera().duringRead = async (read) => {
    if (read !== 'list') return
    site.camera().duringRead = async () => undefined
    site.camera().apps.set(appId, listedApp(appId))
    site.platform.wish(desiredDevice(device, [desiredApp({ presence: 'ABSENT', package: null })]))
    await site.clock.settle()
  }
  await site.untilSettled()
  expect(site.camera().writes).toEqual([`uninstall ${appId}`])
})
