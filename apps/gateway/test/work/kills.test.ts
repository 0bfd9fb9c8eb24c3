import { describe, expect, test } from 'vitest'
import { createSite, type Site } from './gateway-fixture.ts'
import { listedApp } from './scripted-camera.ts'
import { appId, desiredApp, desiredDevice, packageOf } from './scripted-platform.ts'

const device = 'camera-1'
const update = desiredApp({ revision: 5, package: packageOf('4.1.1', 24) })

/**
 * A kill as the file system sees it: the gateway's writes stop between two of them. `stop` on the in-memory edge does the
 * same, since nothing is written while it ends (asserted below).
 */
const stories = {
  'a first install that is started': {
    prepare: () => undefined,
    entry: desiredApp({ revision: 5, running: 'RUNNING' }),
    after: { version: '4.0.0', state: 'RUNNING' },
    moments: [
      'install before',
      'install after',
      'placeLicense before',
      'placeLicense after',
      'start before',
      'start after',
    ],
  },
  'an update of a running app': {
    prepare: (site: Site) => site.camera().apps.set(appId, listedApp(appId, { state: 'RUNNING' })),
    entry: update,
    after: { version: '4.1.1', state: 'RUNNING' },
    moments: ['install before', 'install after', 'placeLicense before', 'start before', 'start after'],
  },
  'a downgrade of a running app that is removed for it': {
    prepare: (site: Site) => {
      site.camera().downgrade = 'REINSTALL'
      site.camera().configurations.set(appId, 'zones')
      site.camera().apps.set(appId, listedApp(appId, { state: 'RUNNING', version: '4.1.1' }))
    },
    entry: desiredApp({ revision: 5, allowDowngrade: true }),
    after: { version: '4.0.0', state: 'RUNNING', licenses: [{ name: 'license-1', validUntil: null }] },
    moments: [
      ...['uninstall before', 'uninstall after', 'install before', 'install after'],
      ...['restoreConfiguration before', 'restoreConfiguration after', 'placeLicense before', 'start before'],
    ],
  },
  'a removal': {
    prepare: (site: Site) => site.camera().apps.set(appId, listedApp(appId)),
    entry: desiredApp({ revision: 5, presence: 'ABSENT', package: null }),
    after: undefined,
    moments: ['uninstall before', 'uninstall after'],
  },
} as const

for (const [story, { prepare, entry, after, moments }] of Object.entries(stories)) {
  describe(`${story}, killed`, () => {
    test.each(moments)('inside %s, is completed by the next gateway on the same folder', async (moment) => {
      const site = createSite()
      prepare(site)
      let isInside = false
      site.camera().during = async ({ write, when, signal }) => {
        if (`${write} ${when}` !== moment || isInside) return
        isInside = true
        await site.clock.sleep(24 * 3_600_000, signal)
      }
      site.platform.desired.set(device, desiredDevice(device, [entry]))
      site.start()
      await site.clock.until(() => isInside)
      await site.stop()
      expect([...site.stateFolder.files.values()].join()).toMatch(/"step":"(UPLOAD|INSTALL|LICENSE|START|UNINSTALL)"/)
      site.start()
      await site.untilSettled()
      expect(site.phase()).toBe('CONVERGED')
      if (after) expect(site.camera().apps.get(appId)).toMatchObject(after)
      else expect(site.camera().apps.size).toBe(0)
    })
  })
}

/** Runs the story as often as it writes to the disk, each time killed at another write and started again. */
async function killAtEachWrite(
  begin: (site: Site) => void,
  { writesAtLeast, expectDone }: { writesAtLeast: number; expectDone: (site: Site, killAt: number) => void },
): Promise<void> {
  const writesOfOneRun = await countDiskWrites(begin)
  expect(writesOfOneRun).toBeGreaterThanOrEqual(writesAtLeast)
  for (let killAt = 1; killAt <= writesOfOneRun; killAt++) {
    const site = createSite()
    begin(site)
    const isKilled = stopWritingAt(site, killAt)
    site.start()
    await site.clock.until(isKilled, { what: `disk write ${killAt}` })
    await site.stop()
    isKilled.restore()
    site.start()
    await site.untilSettled()
    expect(site.phase()).toBe('CONVERGED')
    expectDone(site, killAt)
    await site.stop()
  }
}

test('a gateway killed at any of its disk writes completes the installation after a restart', async () => {
  const begin = (site: Site) => {
    site.camera().apps.set(appId, listedApp(appId, { state: 'RUNNING', version: '3.0' }))
    site.platform.desired.set(device, desiredDevice(device, [update]))
  }
  await killAtEachWrite(begin, {
    writesAtLeast: 11,
    expectDone: (site) => expect(site.camera().apps.get(appId)).toMatchObject({ version: '4.1.1', state: 'RUNNING' }),
  })
}, 60_000)

test('a gateway killed at any of its disk writes in a downgrade neither loses the license nor the configuration', async () => {
  const { prepare, entry, after } = stories['a downgrade of a running app that is removed for it']
  const begin = (site: Site) => {
    prepare(site)
    site.platform.desired.set(device, desiredDevice(device, [entry]))
  }
  await killAtEachWrite(begin, {
    writesAtLeast: 16,
    expectDone(site, killAt) {
      expect(site.camera().apps.get(appId)).toMatchObject(after)
      expect(site.camera().configurations.get(appId)).toBe('zones')
      expect(savedConfigurations(site), `disk write ${killAt}`).toEqual([])
    },
  })
}, 60_000)

/** What is left over would be given to the app at a later downgrade. */
const savedConfigurations = ({ stateFolder }: Site) =>
  [...stateFolder.files.keys()].filter((name) => name.startsWith('configurations/'))

test('an app whose update took its license away, and that a kill left so, gets it again', async () => {
  const site = createSite()
  const camera = site.camera()
  camera.listsLicenses = false
  site.platform.placement = { kind: 'APP_PATH', path: 'license' }
  site.platform.desired.set(device, desiredDevice(device, [desiredApp({ revision: 5 })]))
  site.start()
  await site.untilSettled()
  expect(camera.apps.get(appId)?.licenses).toHaveLength(1)
  let isInside = false
  camera.during = async ({ write, when, signal }) => {
    if (`${write} ${when}` !== 'install after' || isInside) return
    isInside = true
    const app = camera.apps.get(appId)
    // as AXIS OS 5 does with what an app keeps
    if (app) camera.apps.set(appId, { ...app, licenses: [] })
    await site.clock.sleep(24 * 3_600_000, signal)
  }
  site.platform.wish(desiredDevice(device, [{ ...update, revision: 6 }]))
  await site.clock.until(() => isInside)
  await site.stop()
  site.start()
  await site.untilSettled(device, appId, 6)
  expect(site.phase()).toBe('CONVERGED')
  expect(camera.apps.get(appId)).toMatchObject({ version: '4.1.1', licenses: [{ name: 'license-1' }] })
})

async function countDiskWrites(begin: (site: Site) => void): Promise<number> {
  const site = createSite()
  begin(site)
  let count = 0
  const { writeJson, remove } = site.stateFolder
  site.stateFolder.writeJson = (name, value) => {
    count++
    return writeJson(name, value)
  }
  site.stateFolder.remove = (name) => {
    count++
    return remove(name)
  }
  site.start()
  await site.untilSettled()
  await site.stop()
  return count
}

/** From the given write on nothing reaches the disk any more, as if the process had died before it. */
function stopWritingAt(site: Site, killAt: number) {
  const { writeJson, remove } = site.stateFolder
  let count = 0
  const never = () => new Promise<never>(() => undefined)
  site.stateFolder.writeJson = (name, value) => (++count < killAt ? writeJson(name, value) : never())
  site.stateFolder.remove = (name) => (++count < killAt ? remove(name) : never())
  const isKilled = () => count >= killAt
  return Object.assign(isKilled, {
    restore() {
      site.stateFolder.writeJson = writeJson
      site.stateFolder.remove = remove
    },
  })
}

test('a stop ends within 5 seconds even when a driver hangs, and begins nothing more', async () => {
  const site = createSite()
  site.camera().during = ({ write }) => (write === 'install' ? new Promise(() => undefined) : Promise.resolve())
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.clock.until(() => site.camera().writes.length === 1)
  const atMs = site.clock.monotonic()
  await site.stop()
  expect(site.clock.monotonic() - atMs).toBeLessThanOrEqual(5_000)
  await site.clock.advance(60_000)
  expect(site.camera().writes).toHaveLength(1)
})

test('the state that the platform did not acknowledge is sent by the next gateway', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.platform.passesUp = ({ kind }) => kind !== 'report'
  site.start()
  await site.clock.until(() => site.camera().writes.length === 2)
  await site.clock.advance(30_000)
  await site.stop()
  expect(site.platform.state.size).toBe(0)
  site.camera().isReachable = false
  site.platform.passesUp = () => true
  site.start()
  await site.clock.until(() => site.platform.state.size === 1, { withinMs: 2_000 })
  expect(site.phase()).toBe('CONVERGED')
})
