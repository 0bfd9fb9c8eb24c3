import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { type Clock, createSystemClock } from '../../src/state/clock.ts'
import { createDiskSite } from './disk-fixture.ts'
import { addressOf, cameraRecord } from './gateway-fixture.ts'
import { createScriptedPackages } from './memory-edge.ts'
import { createScriptedCamera } from './scripted-camera.ts'
import { appId, desiredApp, desiredDevice, packageOf } from './scripted-platform.ts'
import { createScriptedProtocol } from './scripted-protocol.ts'

const device = 'camera-1'

vi.setConfig({ testTimeout: 240_000 })

/** The longest wait that was sat out to its end, of those that begin from now on. */
function createWatchedClock() {
  const clock = createSystemClock()
  const watched = { longestMs: 0 }
  const sleep: Clock['sleep'] = async (ms, signal) => {
    await clock.sleep(ms, signal)
    watched.longestMs = Math.max(watched.longestMs, ms)
  }
  return { watched, clock: { ...clock, sleep } }
}

async function createSiteOnDisk(clock: Clock = createSystemClock()) {
  const camera = createScriptedCamera(device)
  const packages = createScriptedPackages(createSystemClock())
  const network = new Map([[addressOf(1), camera]])
  const drivers = (clock: ReturnType<typeof createSystemClock>) => ({
    onvif: async () => createScriptedProtocol(network, clock),
  })
  const site = await createDiskSite({ cameras: [cameraRecord(1)], packages, drivers, clock })
  return { ...site, camera }
}

test('a gateway on a real folder installs, restarts, updates, and leaves no password and no license on the disk', async () => {
  const site = await createSiteOnDisk()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp({ running: 'RUNNING' })]))
  await site.start()
  await site.untilSettled(device, appId, 1)
  await site.stop()
  site.platform.desired.set(
    device,
    desiredDevice(device, [desiredApp({ revision: 2, package: packageOf('4.1.1', 24) })]),
  )
  await site.start()
  await site.untilSettled(device, appId, 2)
  expect(site.phase(device, appId, 2)).toBe('CONVERGED')
  expect(site.camera.apps.get(appId)).toMatchObject({ version: '4.1.1', state: 'RUNNING' })
  await site.stop()
  const files = await readdir(site.home, { recursive: true, withFileTypes: true })
  const texts = await Promise.all(
    // a report that was acknowledged at the last moment may go while it is listed
    files
      .filter((file) => file.isFile())
      .map((file) => readFile(join(file.parentPath, file.name), 'utf8').catch(ignoreMissing)),
  )
  expect(texts.length).toBeGreaterThan(1)
  expect(texts.join()).not.toContain('correct')
  expect(texts.join()).not.toContain('license-1')
})

test('a stop in the middle of an upload ends at once, and the next gateway completes it', async () => {
  const { watched, clock } = createWatchedClock()
  const site = await createSiteOnDisk(clock)
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.camera.during = ({ signal }) => clock.sleep(3_600_000, signal)
  await site.start()
  await site.until(() => site.camera.writes.length === 1, 'the upload')
  watched.longestMs = 0
  await site.stop()
  // neither the grace of a call that does not come back nor the end of all patience was sat out
  expect(watched.longestMs).toBeLessThan(2_000)
  site.camera.during = async () => undefined
  await site.start()
  await site.untilSettled(device, appId, 1)
  expect(site.phase(device, appId, 1)).toBe('CONVERGED')
})

function ignoreMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return ''
  throw error
}
