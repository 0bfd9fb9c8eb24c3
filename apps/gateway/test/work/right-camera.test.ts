import { DriverError } from '@ocelli/driver'
import { expect, test } from 'vitest'
import { addressOf, cameraRecord, createSite, type Site } from './gateway-fixture.ts'
import { createScriptedCamera } from './scripted-camera.ts'
import { appId, desiredApp, desiredDevice, packageOf } from './scripted-platform.ts'

const device = 'camera-1'
const minuteMs = 60_000

function connectivity(site: Site, deviceId = device) {
  const report = site.platform.state.get(deviceId)
  return report && `${report.connectivity.state} ${report.connectivity.reason}`
}

test('a swapped address is never written to, and the wish is carried out when the camera is back', async () => {
  const site = createSite()
  const stranger = createScriptedCamera('stranger')
  site.network.set(addressOf(1), stranger)
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  const own = createScriptedCamera(device)
  site.start()
  await site.clock.advance(20 * minuteMs)
  expect(connectivity(site)).toBe('OFFLINE identity-changed')
  expect(site.phase()).toBe('WAITING')
  expect(stranger.writes).toEqual([])
  expect(stranger.looks).toBe(0)
  site.network.set(addressOf(1), own)
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
  expect(stranger.writes).toEqual([])
})

test.each([
  ['a web page', new DriverError('bad-reply', 'A web page was answered.')],
  ['another protocol', new DriverError('unsupported', 'It has no such service.')],
])('a camera in whose place %s answers is away, and its wish waits for it', async (_what, error) => {
  const site = createSite()
  site.start()
  await site.clock.until(() => connectivity(site) === 'ONLINE null')
  site.camera().duringRead = async () => {
    throw error
  }
  await site.clock.advance(2 * minuteMs)
  expect(connectivity(site)).toBe('ONLINE null')
  site.platform.wish(desiredDevice(device, [desiredApp()]))
  await site.clock.advance(4 * minuteMs)
  expect(connectivity(site)).toBe('OFFLINE unreachable')
  expect(site.phase()).toBe('WAITING')
  expect(site.camera().writes).toEqual([])
  site.camera().duringRead = async () => undefined
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
})

test('a camera swapped in the middle of an installation gets nothing of it', async () => {
  const site = createSite()
  const stranger = createScriptedCamera('stranger')
  site.platform.desired.set(device, desiredDevice(device, [desiredApp({ running: 'RUNNING' })]))
  site.camera().during = async ({ write, when }) => {
    if (write === 'install' && when === 'after') site.network.set(addressOf(1), stranger)
  }
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED identity-changed')
  expect(stranger.writes).toEqual([])
  expect(site.platform.licensesAsked).toEqual([])
})

test('two addresses with one identity: neither is written to until one is gone', async () => {
  const site = createSite({ cameraCount: 2 })
  const original = site.camera(1)
  const copy = createScriptedCamera(device)
  site.network.set(addressOf(2), copy)
  site.start()
  await site.clock.advance(2 * minuteMs)
  site.platform.wish(desiredDevice(device, [desiredApp()]))
  site.platform.wish(desiredDevice('camera-2', [desiredApp()]))
  await site.clock.advance(10 * minuteMs)
  expect(connectivity(site)).toBe('ONLINE identity-conflict')
  expect(connectivity(site, 'camera-2')).toBe('OFFLINE identity-changed')
  expect([...original.writes, ...copy.writes]).toEqual([])
  site.network.set(addressOf(2), createScriptedCamera('camera-2'))
  await site.untilSettled()
  await site.untilSettled('camera-2')
  expect(original.writes).toHaveLength(2)
  expect(copy.writes).toEqual([])
})

test('a refused password is tried at most twice in 30 minutes, across restarts', async () => {
  const site = createSite()
  site.camera().password = 'changed'
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.clock.advance(10 * minuteMs)
  expect(connectivity(site)).toBe('ONLINE credentials-refused')
  expect(site.phase()).toBe('FAILED credentials-refused')
  await site.stop()
  site.start()
  await site.clock.advance(15 * minuteMs)
  expect(site.camera().refusedLogins).toBe(2)
  expect(site.camera().probes).toBeGreaterThan(10)
  await site.clock.advance(10 * minuteMs)
  expect(site.camera().refusedLogins).toBe(4)
})

test('new credentials are tried at once and the old refusal is forgotten', async () => {
  const site = createSite()
  site.camera().password = 'changed'
  site.start()
  await site.clock.until(() => connectivity(site) === 'ONLINE credentials-refused')
  await site.cameras.save(cameraRecord(1, { credentials: { user: 'root', password: 'changed' } }))
  await site.clock.until(() => connectivity(site) === 'ONLINE null', { withinMs: 10_000 })
  expect(site.camera().refusedLogins).toBe(2)
})

test('a password that is changed in the middle of an installation is not hammered', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp({ running: 'RUNNING' })]))
  site.camera().during = async ({ write, when }) => {
    if (write === 'install' && when === 'after') site.camera().password = 'changed'
  }
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED credentials-refused')
  await site.clock.advance(15 * minuteMs)
  expect(site.camera().refusedLogins).toBe(2)
})

test('a clock that jumps years back does not keep a password locked', async () => {
  const site = createSite()
  site.camera().password = 'changed'
  site.start()
  await site.clock.until(() => connectivity(site) === 'ONLINE credentials-refused')
  await site.stop()
  for (const [name, text] of site.stateFolder.files) {
    site.stateFolder.files.set(name, text.replace(/"atMs":(\d+)/, '"atMs":4000000000000'))
  }
  site.camera().password = 'correct'
  site.start()
  await site.clock.advance(31 * minuteMs)
  expect(connectivity(site)).toBe('ONLINE null')
})

test('a changed certificate stops the work until it is accepted, and no password goes there', async () => {
  const site = createSite()
  site.camera().certificateSha256 = 'b'.repeat(64)
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.untilSettled()
  expect(connectivity(site)).toBe('ONLINE certificate-changed')
  expect(site.phase()).toBe('FAILED certificate-changed')
  expect(site.camera().writes).toEqual([])
  const tls = { pinnedSha256: 'b'.repeat(64), allowLegacy: false }
  await site.cameras.save(cameraRecord(1, { tls }))
  await site.clock.until(() => connectivity(site) === 'ONLINE null', { withinMs: 10_000 })
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 2 })]))
  await site.untilSettled(device, appId, 2)
  expect(site.phase()).toBe('CONVERGED')
})

test('a camera that moved is followed when its record is', async () => {
  const site = createSite()
  site.network.set(addressOf(9), site.camera())
  site.network.delete(addressOf(1))
  site.start()
  await site.clock.until(() => connectivity(site) === 'OFFLINE unreachable')
  await site.cameras.save(cameraRecord(1, { address: addressOf(9) }))
  await site.clock.until(() => connectivity(site) === 'ONLINE null', { withinMs: 10_000 })
  expect(site.platform.state.get(device)?.address).toBe(addressOf(9))
})

test('a camera is online until three probes of a minute have failed', async () => {
  const site = createSite()
  site.start()
  await site.clock.until(() => connectivity(site) === 'ONLINE null')
  site.camera().isReachable = false
  await site.clock.advance(2.5 * minuteMs)
  expect(connectivity(site)).toBe('ONLINE null')
  await site.clock.advance(1.5 * minuteMs)
  expect(connectivity(site)).toBe('OFFLINE unreachable')
  site.camera().isReachable = true
  await site.clock.advance(1.5 * minuteMs)
  expect(connectivity(site)).toBe('ONLINE null')
})

test('a camera swapped while the platform is slow with the license gets nothing', async () => {
  const site = createSite()
  const stranger = createScriptedCamera('stranger')
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  let losses = 3
  site.platform.passesDown = ({ kind }) => {
    if (kind === 'license') site.network.set(addressOf(1), stranger)
    return kind !== 'license' || losses-- <= 0
  }
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED identity-changed')
  expect(stranger.writes).toEqual([])
})

test('a password that changes in the record during a refused call is not the one that was refused', async () => {
  const site = createSite()
  site.camera().password = 'changed'
  site.camera().duringRead = async () => {
    site.camera().duringRead = async () => undefined
    await site.cameras.save(cameraRecord(1, { credentials: { user: 'root', password: 'changed' } }))
    await site.clock.settle()
  }
  site.start()
  await site.clock.until(() => connectivity(site) === 'ONLINE null', { withinMs: 2 * minuteMs })
  expect(site.camera().refusedLogins).toBe(2)
})

test('an address that changes while the identity is read before a write gets nothing of that write', async () => {
  const site = createSite()
  const stranger = createScriptedCamera('stranger')
  site.network.set(addressOf(9), stranger)
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  let losses = 2
  site.platform.passesDown = ({ kind }) => {
    if (kind === 'license') {
      site.camera().duringRead = async () => {
        site.camera().duringRead = async () => undefined
        await site.cameras.save(cameraRecord(1, { address: addressOf(9) }))
        await site.clock.settle()
      }
    }
    return kind !== 'license' || losses-- <= 0
  }
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('FAILED identity-changed')
  expect(stranger.writes).toEqual([])
})

test('a conflict ends when one of the two addresses no longer answers', async () => {
  const site = createSite({ cameraCount: 2 })
  const copy = createScriptedCamera(device)
  site.network.set(addressOf(2), copy)
  site.start()
  await site.clock.advance(2 * minuteMs)
  expect(connectivity(site)).toBe('ONLINE identity-conflict')
  copy.isReachable = false
  await site.clock.advance(3 * minuteMs)
  expect(connectivity(site)).toBe('ONLINE null')
})

test('two cameras that swapped their addresses are followed, and each gets its own app', async () => {
  const site = createSite({ cameraCount: 2 })
  const [one, two] = [site.camera(1), site.camera(2)]
  site.start()
  await site.clock.until(() => site.platform.state.size === 2)
  site.network.set(addressOf(1), two)
  site.network.set(addressOf(2), one)
  const other = 'com.example.other'
  site.platform.wish(desiredDevice('camera-1', [desiredApp()]))
  site.platform.wish(desiredDevice('camera-2', [desiredApp({ appId: other, package: packageOf('1.0', 33) })]))
  await site.untilSettled('camera-1')
  await site.untilSettled('camera-2', other)
  expect(one.writes).toEqual([`install ${appId} 4.0.0`, `license ${appId} license-1`])
  expect(two.writes).toEqual([`install ${other} 1.0`, `license ${other} license-1`])
  expect(site.cameras.get('camera-1')?.address).toBe(addressOf(2))
  expect(site.cameras.get('camera-2')?.address).toBe(addressOf(1))
})

test('a camera that only reboots is not moved', async () => {
  const site = createSite({ cameraCount: 2 })
  site.start()
  await site.clock.until(() => site.platform.state.size === 2)
  site.camera(1).isReachable = false
  await site.clock.advance(10 * minuteMs)
  expect(site.cameras.get('camera-1')?.address).toBe(addressOf(1))
})
