import { DriverError } from '@ocelli/driver'
import { expect, test } from 'vitest'
import { createSite, type Site } from './gateway-fixture.ts'
import { listedApp } from './scripted-camera.ts'
import { appId, desiredApp, desiredDevice, licenseOf, packageOf } from './scripted-platform.ts'

const device = 'camera-1'
const back = desiredApp({ revision: 5, allowDowngrade: true })

function siteWithNewer() {
  const site = createSite()
  site.camera().downgrade = 'REINSTALL'
  site.camera().apps.set(appId, listedApp(appId, { state: 'RUNNING', version: '4.1.1' }))
  site.platform.desired.set(device, desiredDevice(device, [back]))
  return site
}

/** What was told of the last work on the app. */
const told = (site: Site) => site.platform.work(device, appId)

test('an app is removed for an older version, and gets its configuration, its license and its running state back', async () => {
  const site = siteWithNewer()
  site.camera().configurations.set(appId, 'zones')
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
  expect(site.camera().writes).toEqual([
    ...[`uninstall ${appId}`, `install ${appId} 4.0.0`, `configure ${appId} zones`],
    ...[`license ${appId} license-1`, `start ${appId}`],
  ])
  expect(site.platform.licensesAsked).toEqual([licenseOf(1).licenseId])
  expect(told(site)).toMatchObject({ configuration: 'RESTORED' })
  expect([...site.stateFolder.files.keys()].filter((name) => name.startsWith('configurations/'))).toEqual([])
})

test('the configuration lies sealed on the disk while the app is away', async () => {
  const site = siteWithNewer()
  site.camera().configurations.set(appId, 'zones')
  const files: string[] = []
  site.camera().during = async ({ write }) => {
    if (write === 'install') files.push(...[...site.stateFolder.files].flat())
  }
  site.start()
  await site.untilSettled()
  const stored = files.find((text) => text.includes('"sealed":"sealed:'))
  expect(stored).toBeDefined()
  expect(files.some((text) => text.includes('zones') || text.includes(btoa('zones')))).toBe(false)
})

test.each<[string, (site: Site) => void, string]>([
  ['is not handed out by the camera', () => undefined, 'NOT_OFFERED'],
  [
    'is not taken by the older version',
    (site) => {
      site.camera().configurations.set(appId, 'zones of 4.1.1')
      site.camera().refusesConfiguration = true
    },
    'LOST',
  ],
  [
    'cannot be given back while the camera answers nonsense',
    (site) => {
      site.camera().configurations.set(appId, 'zones')
      site.camera().during = async ({ write }) => {
        if (write === 'restoreConfiguration') throw new DriverError('bad-reply', 'The camera answered nonsense.')
      }
    },
    'LOST',
  ],
])('a configuration that %s does not fail the downgrade, and that is told', async (_, prepare, configuration) => {
  const site = siteWithNewer()
  prepare(site)
  site.start()
  await site.untilSettled()
  expect(told(site)).toMatchObject({ phase: 'CONVERGED', configuration })
  expect(site.camera().apps.get(appId)).toMatchObject({ version: '4.0.0', state: 'RUNNING' })
})

test('nothing is removed while the older package cannot be had', async () => {
  const site = siteWithNewer()
  site.packages.during = () => Promise.reject(new Error('No such package.'))
  site.start()
  await site.untilSettled()
  expect(told(site)?.phase).toBe('FAILED')
  expect(site.camera().writes).toEqual([])
  expect(site.camera().apps.get(appId)).toMatchObject({ version: '4.1.1', state: 'RUNNING' })
})

test('an app whose older version the camera refuses is told as gone, and the next wish puts it back as it was', async () => {
  const site = siteWithNewer()
  site.camera().configurations.set(appId, 'zones')
  let isRefusing = true
  site.camera().during = async ({ write, when }) => {
    if (isRefusing && write === 'install' && when === 'before') throw new DriverError('install-failed', 'No.')
  }
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED install-failed')
  expect(told(site)?.error?.detail).toContain('not on the camera')
  expect(site.camera().apps.has(appId)).toBe(false)
  isRefusing = false
  const newer = desiredApp({ revision: 6, package: packageOf('4.1.1', 24) })
  site.platform.wish(desiredDevice(device, [newer]))
  await site.untilSettled(device, appId, 6)
  expect(told(site)).toMatchObject({ phase: 'CONVERGED', configuration: 'RESTORED' })
  expect(site.camera().apps.get(appId)).toMatchObject({
    ...{ version: '4.1.1', state: 'RUNNING' },
    licenses: [{ name: 'license-1' }],
  })
  expect(site.camera().configurations.get(appId)).toBe('zones')
})

test('a removal that is wished meanwhile ends it, and the app comes back without what it had', async () => {
  const site = siteWithNewer()
  site.camera().configurations.set(appId, 'zones')
  site.camera().during = async ({ write, when }) => {
    if (write !== 'uninstall' || when !== 'after' || site.camera().writes.length > 1) return
    site.platform.wish(desiredDevice(device, [desiredApp({ revision: 6, presence: 'ABSENT', package: null })]))
  }
  site.start()
  await site.untilSettled(device, appId, 6)
  expect(site.phase()).toBe('CONVERGED')
  expect(site.camera().apps.size).toBe(0)
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 7 })]))
  await site.untilSettled(device, appId, 7)
  expect(site.camera().apps.get(appId)).toMatchObject({ version: '4.0.0', state: 'NOT_RUNNING' })
  expect(site.camera().configurations.size).toBe(0)
})

test('a kill inside the removal does not lose the license, though the camera lists none', async () => {
  const site = createSite()
  site.camera().downgrade = 'REINSTALL'
  site.camera().listsLicenses = false
  site.platform.desired.set(device, desiredDevice(device, [desiredApp({ package: packageOf('4.1.1', 24) })]))
  site.start()
  await site.untilSettled()
  let isInside = false
  site.camera().during = async ({ write, when, signal }) => {
    if (write !== 'uninstall' || when !== 'after' || isInside) return
    isInside = true
    await site.clock.sleep(24 * 3_600_000, signal)
  }
  site.platform.wish(desiredDevice(device, [back]))
  await site.clock.until(() => isInside)
  await site.stop()
  site.platform.desired.set(device, desiredDevice(device, [back]))
  site.start()
  await site.untilSettled(device, appId, 5)
  expect(site.phase()).toBe('CONVERGED')
  expect(site.camera().apps.get(appId)).toMatchObject({ version: '4.0.0', licenses: [{ name: 'license-1' }] })
})

test('a downgrade that is no longer wished leaves no configuration on the disk', async () => {
  const site = siteWithNewer()
  site.camera().configurations.set(appId, 'zones')
  site.camera().during = async ({ write }) => {
    if (write === 'install') throw new DriverError('install-failed', 'The camera does not take it.')
  }
  const saved = () => [...site.stateFolder.files.keys()].filter((name) => name.startsWith('configurations/'))
  site.start()
  await site.untilSettled()
  expect([site.phase(), saved().length]).toEqual(['FAILED install-failed', 1])
  site.platform.wish(desiredDevice(device, [], { revision: 6 }))
  await site.clock.until(() => saved().length === 0, { withinMs: 120_000, what: 'the end of what was saved' })
})

test('a downgrade is not refused because the record of its camera changes while it is planned', async () => {
  const site = siteWithNewer()
  const { writeJson } = site.stateFolder
  let isChanged = false
  site.stateFolder.writeJson = async (name, value) => {
    await writeJson(name, value)
    if (isChanged || !name.startsWith('work/') || !JSON.stringify(value).includes('"began":{')) return
    isChanged = true
    await site.cameras.change(device, (camera) => ({ ...camera, name: 'Gate 4' }))
    await site.clock.settle()
  }
  site.start()
  await site.untilSettled()
  expect([isChanged, site.phase()]).toEqual([true, 'CONVERGED'])
})
