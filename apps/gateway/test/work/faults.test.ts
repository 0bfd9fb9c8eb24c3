import { DriverError } from '@ocelli/driver'
import { expect, test } from 'vitest'
import { createSite, type Site } from './gateway-fixture.ts'
import { listedApp } from './scripted-camera.ts'
import { appId, desiredApp, desiredDevice, packageOf } from './scripted-platform.ts'

const device = 'camera-1'
const minuteMs = 60_000

function failing(site: Site, write: string, error: () => Error, times = Number.POSITIVE_INFINITY): void {
  let left = times
  site.camera().during = async (moment) => {
    if (moment.write !== write || moment.when !== 'before' || left-- <= 0) return
    throw error()
  }
}

const count = (site: Site, word: string) => site.camera().writes.filter((write) => write.startsWith(word)).length

function wish(site: Site, changes: Parameters<typeof desiredApp>[0] = {}): void {
  site.platform.desired.set(device, desiredDevice(device, [desiredApp(changes)]))
}

test('a camera that is away keeps a wish waiting without any deadline', async () => {
  const site = createSite()
  site.camera().isReachable = false
  wish(site)
  site.start()
  await site.clock.advance(12 * 60 * minuteMs)
  expect(site.phase()).toBe('WAITING')
  site.camera().isReachable = true
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
})

test('what the app wrote into the log of the camera is told with the error', async () => {
  const site = createSite()
  failing(site, 'install', () => new DriverError('incompatible', 'It does not fit.', { appLog: 'needs more memory' }))
  wish(site)
  site.start()
  await site.untilSettled()
  const told = site.platform.work(device, appId)?.error
  expect(told).toMatchObject({ code: 'incompatible', appLog: 'needs more memory' })
})

test('what an app wrote before it fell back for the last time is told, not what was tried', async () => {
  const site = createSite()
  failing(site, 'start', () => new DriverError('app-fell-back', 'It stopped.', { appLog: 'no lens' }))
  wish(site, { running: 'RUNNING' })
  site.start()
  await site.untilSettled()
  expect(site.platform.work(device, appId)?.error).toMatchObject({ code: 'app-fell-back', appLog: 'no lens' })
})

test('a camera that has other habits after an upgrade is asked again at once, as if it had never been seen', async () => {
  const site = createSite()
  site.start()
  await site.clock.until(() => site.camera().looks > 0)
  site.camera().generation++
  wish(site)
  site.platform.wish(desiredDevice(device, [desiredApp()]))
  const beganAtMs = site.clock.monotonic()
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
  expect(site.clock.monotonic() - beganAtMs).toBeLessThan(20_000)
  expect(site.camera().opened).toBe(2)
})

test('a camera that answers nothing usable is asked anew by each look, and not more often', async () => {
  const site = createSite()
  site.camera().duringRead = async () => {
    site.camera().generation++
  }
  site.start()
  await site.clock.advance(10 * minuteMs)
  const { opened } = site.camera()
  expect(opened).toBeGreaterThan(5)
  expect(opened).toBeLessThanOrEqual(22)
})

test('a camera that reboots during the upload is waited for', async () => {
  const site = createSite()
  wish(site)
  let reboots = 1
  site.camera().during = async ({ write, when }) => {
    if (write !== 'install' || when !== 'before' || reboots-- <= 0) return
    site.camera().isReachable = false
    setTimeoutVirtually(site, 3 * minuteMs, () => {
      site.camera().isReachable = true
    })
    throw new DriverError('unreachable', 'The connection broke.')
  }
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
  expect(count(site, 'install')).toBe(2)
})

test('a camera that never comes back fails the begun step at its deadline', async () => {
  const site = createSite()
  wish(site)
  site.camera().during = async ({ write }) => {
    if (write === 'install') site.camera().isReachable = false
  }
  site.start()
  await site.clock.until(() => site.phase() === 'WORKING')
  const beganAtMs = site.clock.monotonic()
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED unreachable')
  expect(site.platform.work(device, appId)?.error).toMatchObject({ category: 'device-unreachable' })
  const tookMs = site.clock.monotonic() - beganAtMs
  expect(tookMs).toBeGreaterThan(10 * minuteMs)
  expect(tookMs).toBeLessThan(11 * minuteMs)
})

test('a step that hangs ends at its deadline, even when the driver ignores its signal', async () => {
  const site = createSite()
  wish(site)
  site.camera().during = ({ write }) => (write === 'install' ? new Promise(() => undefined) : Promise.resolve())
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED step-timeout')
  expect(site.platform.work(device, appId)?.error).toMatchObject({ category: 'timeout' })
  expect(site.camera().opened).toBe(2)
})

test('an upload that timed out and worked after all goes on with the license', async () => {
  const site = createSite()
  wish(site)
  site.camera().during = ({ write, when, signal }) =>
    write === 'install' && when === 'after' ? site.clock.sleep(24 * 60 * minuteMs, signal) : Promise.resolve()
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
  expect(site.camera().writes).toEqual([`install ${appId} 4.0.0`, `license ${appId} license-1`])
})

test('a retryable error is tried four times in all', async () => {
  const site = createSite()
  wish(site)
  failing(site, 'install', () => new DriverError('bad-reply', 'Not SOAP.', { deviceCode: 'html' }))
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED bad-reply')
  expect(site.platform.work(device, appId)?.error).toMatchObject({ category: 'network', deviceCode: 'html' })
  expect(count(site, 'install')).toBe(4)
})

test('a camera that is busy is asked again until it is not', async () => {
  const site = createSite()
  wish(site)
  failing(site, 'install', () => new DriverError('busy', 'Another upload is ongoing.'), 20)
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
  expect(count(site, 'install')).toBe(21)
})

test('an update that failed before the camera went away fails with its own error', async () => {
  const site = createSite()
  site.camera().apps.set(appId, listedApp(appId, { state: 'RUNNING', version: '3.0' }))
  wish(site)
  site.camera().during = async ({ write, when }) => {
    if (write !== 'install' || when !== 'before') return
    site.camera().isReachable = false
    throw new DriverError('package-refused', 'No.')
  }
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED package-refused')
})

test('an error that is gone at the third try leaves no trace', async () => {
  const site = createSite()
  wish(site)
  failing(site, 'install', () => new DriverError('timeout', 'Slow.'), 2)
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
  expect(count(site, 'install')).toBe(3)
})

test.each([
  ['package-refused', 'refused-by-device'],
  ['storage-full', 'refused-by-device'],
  ['incompatible', 'incompatible'],
] as const)('%s is tried once and is the category %s', async (code, category) => {
  const site = createSite()
  wish(site)
  failing(site, 'install', () => new DriverError(code, 'The camera says no.', { deviceCode: 'Error: 2' }))
  site.start()
  await site.untilSettled()
  expect(site.platform.work(device, appId)?.error).toMatchObject({
    ...{ category, code, detail: 'The camera says no.', deviceCode: 'Error: 2', retryable: false },
  })
  expect(count(site, 'install')).toBe(1)
})

test('a failed update starts again what ran before, and then fails', async () => {
  const site = createSite()
  wish(site, { running: 'RUNNING' })
  site.start()
  await site.untilSettled()
  site.camera().during = async ({ write, when }) => {
    if (write !== 'install' || when !== 'before') return
    site
      .camera()
      .apps.set(appId, listedApp(appId, { state: 'NOT_RUNNING', licenses: [{ name: 'x', validUntil: null }] }))
    throw new DriverError('install-failed', 'Signature.')
  }
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 2, package: packageOf('4.1.1', 24) })]))
  await site.untilSettled(device, appId, 2)
  expect(site.phase()).toBe('FAILED install-failed')
  expect(site.camera().apps.get(appId)).toMatchObject({ version: '4.0.0', state: 'RUNNING' })
})

test('an app that falls back after its start is started three times and then failed', async () => {
  const site = createSite()
  wish(site, { running: 'RUNNING' })
  failing(site, 'start', () => new DriverError('app-fell-back', 'It stopped again.'))
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED app-fell-back')
  expect(count(site, 'start')).toBe(3)
})

test('an app that stops right after the driver saw it running counts as fallen back too', async () => {
  const site = createSite()
  wish(site, { running: 'RUNNING' })
  site.camera().during = async ({ write, when }) => {
    if (write === 'start' && when === 'after') site.camera().apps.set(appId, listedApp(appId))
  }
  site.camera().listsLicenses = false
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED app-fell-back')
  expect(count(site, 'start')).toBe(3)
})

test('one failing app does not hold up the others on its camera', async () => {
  const site = createSite()
  const other = desiredApp({ appId: 'com.example.other', revision: 2, package: packageOf('1.0', 33) })
  site.platform.desired.set(device, desiredDevice(device, [desiredApp(), other]))
  site.camera().during = async ({ write, when }) => {
    const isFirst = site.camera().writes.at(-1)?.includes(appId)
    if (write === 'install' && when === 'before' && isFirst) throw new DriverError('bad-reply', 'Not SOAP.')
  }
  site.start()
  await site.untilSettled(device, other.appId)
  expect(site.phase(device, other.appId)).toBe('CONVERGED')
  expect(site.phase()).toBe('WORKING')
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED bad-reply')
})

test('a settled failure is not tried again after a restart', async () => {
  const site = createSite()
  wish(site)
  failing(site, 'install', () => new DriverError('package-refused', 'No.'))
  site.start()
  await site.untilSettled()
  await site.stop()
  site.platform.state.clear()
  site.start()
  await site.untilSettled()
  await site.clock.advance(10 * minuteMs)
  expect(count(site, 'install')).toBe(1)
})

function setTimeoutVirtually(site: Site, ms: number, action: () => void): void {
  void site.clock.sleep(ms, new AbortController().signal).then(action)
}
