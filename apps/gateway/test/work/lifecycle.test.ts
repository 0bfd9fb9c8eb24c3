import { DriverError } from '@ocelli/driver'
import { expect, test } from 'vitest'
import { createSite } from './gateway-fixture.ts'
import { listedApp } from './scripted-camera.ts'
import { appId, desiredApp, desiredDevice, licenseOf, packageOf } from './scripted-platform.ts'

const device = 'camera-1'

test('a wish for an app becomes download, upload and license, and is converged', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
  expect(site.camera().writes).toEqual([`install ${appId} 4.0.0`, `license ${appId} license-1`])
  expect(site.packages.downloads).toHaveLength(1)
  await site.clock.until(() => site.platform.state.get(device)?.apps !== null)
  expect(site.platform.state.get(device)).toMatchObject({
    assignment: 1,
    revision: 1,
    connectivity: { state: 'ONLINE', reason: null, clockOffsetSeconds: -2 },
    facts: { model: 'Scripted' },
    apps: [{ appId, present: true, version: '4.0.0', runningState: 'NOT_RUNNING', work: { phase: 'CONVERGED' } }],
  })
  expect(site.packages.held).toBe(0)
})

test('each step is told while it runs, with the time it may still take', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp({ running: 'RUNNING' })]))
  // Each write lasts long enough to be told.
  site.camera().during = ({ signal }) => site.clock.sleep(3_000, signal)
  site.start()
  await site.untilSettled()
  const told = site.platform.applied.flatMap(({ work }) => work.filter(({ phase }) => phase === 'WORKING'))
  expect([...new Set(told.map(({ step }) => step))]).toEqual(['UPLOAD', 'INSTALL', 'LICENSE', 'START'])
  for (const { stepSecondsLeft } of told) expect(stepSecondsLeft).toBeGreaterThan(0)
})

test('a camera that goes on answering while it installs is not said to be away', async () => {
  const site = createSite()
  const camera = site.camera()
  camera.apps.set(appId, listedApp(appId, { state: 'INSTALLING' }))
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.clock.advance(8 * 60_000)
  expect(site.phase()).toBe('WORKING')
  expect(statesTold(site)).toEqual(['ONLINE'])
})

test.each([
  ['takes some of a package now and then is not', 60_000, ['ONLINE']],
  ['takes nothing of it any more is', 10 * 60_000, ['ONLINE', 'OFFLINE']],
])('in a long upload a camera that %s said to be away', async (_, everyMs, states) => {
  const site = createSite()
  site.camera().takePackage = async (ask, signal) => {
    for (let piece = 0; piece < 8; piece++) {
      await ask(16_384)
      await site.clock.sleep(everyMs, signal)
    }
  }
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.clock.advance(8 * 60_000)
  expect(statesTold(site)).toEqual(states)
})

test.each([
  ['goes on answering is not', true, ['ONLINE']],
  ['does not answer any more is', false, ['ONLINE', 'OFFLINE']],
])(
  'while a package is long on its way to the gateway, a camera that %s said to be away',
  async (_, answers, states) => {
    const site = createSite()
    site.packages.during = async (signal) => {
      site.camera().isReachable = answers
      await site.clock.sleep(4.5 * 60_000, signal)
      site.camera().isReachable = true
    }
    site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
    site.start()
    await site.untilSettled()
    expect(statesTold(site)).toEqual(states)
    expect(site.phase()).toBe('CONVERGED')
    expect(site.packages.downloads).toHaveLength(1)
  },
)

const statesTold = (site: ReturnType<typeof createSite>) => [
  ...new Set(site.platform.applied.map(({ connectivity }) => connectivity.state)),
]

test('no report of a running step claims to know what is on the camera', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.camera().during = ({ signal }) => site.clock.sleep(3_000, signal)
  site.start()
  await site.untilSettled()
  const working = site.platform.applied.filter(({ work }) => work.some(({ phase }) => phase === 'WORKING'))
  expect(working.length).toBeGreaterThan(2)
  for (const report of working) expect(report.apps).toBeNull()
})

test.each([
  ['the camera', null, '', 'CAMERA'],
  ['the app', { kind: 'PARAMETER', name: 'License' } as const, ' to PARAMETER', 'APP'],
])('a license goes where %s looks for it, and that is told', async (_, placement, place, checkedBy) => {
  const site = createSite()
  site.platform.placement = placement
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.untilSettled()
  expect(site.camera().writes.at(-1)).toBe(`license ${appId} license-1${place}`)
  await site.clock.until(() => site.platform.state.get(device)?.apps !== null)
  expect(site.platform.state.get(device)).toMatchObject({ apps: [{ appId, licenseCheckedBy: checkedBy }] })
})

test.each([
  ['is taken away where it lies', true, [`unlicense ${appId} from PARAMETER`]],
  ['stays where the protocol cannot take it away', false, []],
])('a license that is no longer wished for %s, and the app stays', async (_, takesLicenses, writes) => {
  const site = createSite()
  site.camera().takesLicenses = takesLicenses
  site.platform.placement = { kind: 'PARAMETER', name: 'License' }
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.untilSettled()
  site.camera().writes = []
  for (const revision of [2, 3]) {
    site.platform.wish(desiredDevice(device, [desiredApp({ revision, license: null })]))
    await site.untilSettled(device, appId, revision)
  }
  expect(site.camera().writes).toEqual(writes)
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 4, license: licenseOf(2) })]))
  await site.untilSettled(device, appId, 4)
  expect(site.camera().writes.at(-1)).toBe(`license ${appId} license-2 to PARAMETER`)
})

test('a license that moves to another place is taken away from the one before', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.untilSettled()
  site.camera().writes = []
  site.platform.placement = { kind: 'PARAMETER', name: 'License' }
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 2, license: licenseOf(2) })]))
  await site.untilSettled(device, appId, 2)
  expect(site.camera().writes).toEqual([`license ${appId} license-2 to PARAMETER`, `unlicense ${appId}`])
})

test('an app that is there already is adopted: only its license is placed', async () => {
  const site = createSite()
  site.camera().apps.set(appId, listedApp(appId, { state: 'RUNNING' }))
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.untilSettled()
  expect(site.camera().writes).toEqual([`license ${appId} license-1`])
  expect(site.camera().apps.get(appId)?.state).toBe('RUNNING')
})

test('a foreign app survives install, update, removal and a gateway without memory', async () => {
  const site = createSite()
  const foreign = listedApp('com.vendor.foreign', { state: 'RUNNING', version: '1.0' })
  site.camera().apps.set(foreign.appId, foreign)
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.untilSettled()
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 2, package: packageOf('4.1.1', 24) })]))
  await site.untilSettled(device, appId, 2)
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 3, presence: 'ABSENT', package: null })]))
  await site.untilSettled(device, appId, 3)
  await site.stop()
  site.stateFolder.files.clear()
  site.platform.wish(desiredDevice(device, [], { revision: 4 }))
  site.start()
  await site.clock.advance(10 * 60_000)
  expect(site.camera().apps.get(foreign.appId)).toEqual(foreign)
  expect(site.camera().writes.filter((write) => write.includes(foreign.appId))).toEqual([])
  expect(site.platform.state.get(device)?.apps).toMatchObject([{ appId: foreign.appId, work: null, present: true }])
})

test('an update ends in the running state it began with and keeps its license', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp({ running: 'RUNNING' })]))
  site.start()
  await site.untilSettled()
  site.camera().writes.length = 0
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 2, package: packageOf('4.1.1', 24) })]))
  await site.untilSettled(device, appId, 2)
  expect(site.camera().writes).toEqual([`install ${appId} 4.1.1`, `start ${appId}`])
  expect(site.camera().apps.get(appId)).toMatchObject({ version: '4.1.1', state: 'RUNNING' })
})

test('an update that could not start the app again starts it when it is asked for once more', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp({ running: 'RUNNING' })]))
  site.start()
  await site.untilSettled()
  site.camera().during = async ({ write }) => {
    if (write === 'start') throw new DriverError('refused', 'no memory')
  }
  const updated = { package: packageOf('4.1.1', 24) }
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 2, ...updated })]))
  await site.untilSettled(device, appId, 2)
  expect(site.phase()).toBe('FAILED refused')
  site.camera().during = async () => undefined
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 3, ...updated })]))
  await site.untilSettled(device, appId, 3)
  expect(site.phase()).toBe('CONVERGED')
  expect(site.camera().apps.get(appId)).toMatchObject({ version: '4.1.1', state: 'RUNNING' })
})

test('another license is placed without reinstalling', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.untilSettled()
  site.camera().writes.length = 0
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 2, license: licenseOf(2) })]))
  await site.untilSettled(device, appId, 2)
  expect(site.camera().writes).toEqual([`license ${appId} license-2`])
})

test('a running app is removed in one step and its absence is reported', async () => {
  const site = createSite()
  site.camera().apps.set(appId, listedApp(appId, { state: 'RUNNING' }))
  const absent = desiredApp({ presence: 'ABSENT', package: null, license: null })
  site.platform.desired.set(device, desiredDevice(device, [absent]))
  site.start()
  await site.untilSettled()
  expect(site.camera().writes).toEqual([`uninstall ${appId}`])
  expect(site.platform.state.get(device)?.apps).toMatchObject([{ appId, present: false }])
})

test('a settled revision is left alone when the camera changes later: the difference is reported', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp({ running: 'RUNNING' })]))
  site.start()
  await site.untilSettled()
  site.camera().writes.length = 0
  site.camera().apps.clear()
  await site.clock.advance(5 * 60_000)
  expect(site.camera().writes).toEqual([])
  expect(site.platform.state.get(device)?.apps).toMatchObject([{ present: false, work: { phase: 'CONVERGED' } }])
  await site.stop()
  site.start()
  await site.clock.advance(5 * 60_000)
  expect(site.camera().writes).toEqual([])
})

test('an app that was removed by hand gets its license again with a new wish', async () => {
  const site = createSite()
  site.camera().listsLicenses = false
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.untilSettled()
  site.camera().apps.clear()
  site.camera().writes.length = 0
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 2 })]))
  await site.untilSettled(device, appId, 2)
  expect(site.camera().writes).toEqual([`install ${appId} 4.0.0`, `license ${appId} license-1`])
})
