import { expect, test } from 'vitest'
import { addressOf, cameraRecord, createSite, type Site } from './gateway-fixture.ts'
import { createScriptedCamera, type ScriptedCamera } from './scripted-camera.ts'
import { appId, desiredApp, desiredDevice, siteId } from './scripted-platform.ts'

const device = 'camera-1'
const minuteMs = 60_000

const report = (site: Site, deviceId = device) => site.platform.state.get(deviceId)
const connectivity = (site: Site) => `${report(site)?.connectivity.state} ${report(site)?.connectivity.reason}`
const place = (site: Site, index: number, camera: ScriptedCamera) => site.network.set(addressOf(index), camera)

/** A site whose first camera has been seen, and is then put to another address. */
async function startAndMove({ to, cameraCount = 1 }: { to: number; cameraCount?: number }) {
  const site = createSite({ cameraCount })
  const camera = site.camera()
  site.start()
  await site.clock.until(() => connectivity(site) === 'ONLINE null')
  site.network.delete(addressOf(1))
  place(site, to, camera)
  return { site, camera }
}

test('a camera that moved is found by multicast, and the work goes on at its new address', async () => {
  const { site, camera } = await startAndMove({ to: 9 })
  site.platform.wish(desiredDevice(device, [desiredApp()]))
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
  expect(site.cameras.get(device)?.address).toBe(addressOf(9))
  expect(report(site)?.address).toBe(addressOf(9))
  expect(camera.writes).toEqual([`install ${appId} 4.0.0`, 'license com.example.counter license-1'])
})

test('a camera behind a router is found in the address ranges of its site, and not without them', async () => {
  const { site, camera } = await startAndMove({ to: 9 })
  camera.isBehindRouter = true
  await site.clock.advance(40 * minuteMs)
  expect(site.cameras.get(device)?.address).toBe(addressOf(1))
  site.platform.sites = [{ siteId, maxInFlight: 2, repair: 'request', addressRanges: ['192.0.2.0/24'] }]
  site.platform.disconnect()
  site.platform.connect()
  await site.clock.until(() => connectivity(site) === 'ONLINE null', { withinMs: 40 * minuteMs })
  expect(site.cameras.get(device)?.address).toBe(addressOf(9))
})

test('a camera that nobody finds is looked for ever more rarely, and those at work are not disturbed', async () => {
  const { site, camera } = await startAndMove({ to: 9, cameraCount: 2 })
  camera.isReachable = false
  await site.clock.advance(6 * 60 * minuteMs)
  const searches = site.logged.filter(({ message }) => message.includes('are looked for')).length
  expect(searches).toBeGreaterThan(10)
  expect(searches).toBeLessThan(17)
  expect(site.camera(2).asked).toBe(0)
})

test('strangers that show nothing of the camera get no login', async () => {
  const { site, camera } = await startAndMove({ to: 9 })
  camera.isReachable = false
  const stranger = createScriptedCamera('stranger')
  place(site, 5, stranger)
  await site.clock.advance(60 * minuteMs)
  expect([stranger.opened, stranger.refusedLogins, stranger.writes]).toEqual([0, 0, []])
})

test('who only shows the marks of the camera is not taken for it, and is asked once in half an hour', async () => {
  const { site, camera } = await startAndMove({ to: 9 })
  camera.isReachable = false
  const copy = createScriptedCamera('stranger')
  copy.shows = { endpointReference: `urn:uuid:${device}` }
  place(site, 5, copy)
  await site.clock.advance(28 * minuteMs)
  expect(copy.opened).toBe(1)
  expect(site.cameras.get(device)?.address).toBe(addressOf(1))
  copy.password = 'another'
  await site.clock.advance(180 * minuteMs)
  expect(copy.refusedLogins).toBeGreaterThan(0)
  expect(copy.refusedLogins).toBeLessThanOrEqual(2 * 6)
  expect(copy.writes).toEqual([])
})

test('several who show the marks and refuse the login get two logins together in half an hour, restarts included', async () => {
  const { site, camera } = await startAndMove({ to: 9 })
  camera.isReachable = false
  const copies = [4, 5, 6].map((index) => {
    const copy = createScriptedCamera(`stranger-${index}`)
    copy.shows = { endpointReference: `urn:uuid:${device}`, macAddress: `00:00:00:00:00:0${index}` }
    copy.password = 'foreign'
    place(site, index, copy)
    return copy
  })
  const refusals = () => copies.reduce((sum, { refusedLogins }) => sum + refusedLogins, 0)
  await site.clock.until(() => refusals() > 0)
  await site.stop()
  site.start()
  await site.clock.advance(25 * minuteMs)
  expect(refusals()).toBe(2)
})

test('a password that was refused at the old address is not tried at the new one within half an hour', async () => {
  const site = createSite()
  const camera = site.camera()
  site.start()
  await site.clock.until(() => connectivity(site) === 'ONLINE null')
  camera.password = 'changed'
  await site.clock.until(() => connectivity(site) === 'ONLINE credentials-refused')
  site.network.delete(addressOf(1))
  place(site, 9, camera)
  await site.clock.advance(25 * minuteMs)
  expect(camera.refusedLogins).toBe(2)
  camera.password = 'correct'
  await site.clock.until(() => connectivity(site) === 'ONLINE null', { withinMs: 60 * minuteMs })
  expect(site.cameras.get(device)?.address).toBe(addressOf(9))
})

test('an address whose certificate is not the pinned one gets no login', async () => {
  const { site, camera } = await startAndMove({ to: 9 })
  camera.certificateSha256 = 'b'.repeat(64)
  await site.clock.advance(20 * minuteMs)
  expect(site.cameras.get(device)?.address).toBe(addressOf(1))
  expect(camera.refusedLogins).toBe(0)
})

test('two cameras that answer with one identity: none is taken over', async () => {
  const { site, camera } = await startAndMove({ to: 9 })
  const copy = createScriptedCamera(device)
  copy.shows = { serialNumber: camera.deviceId, endpointReference: null, macAddress: '00:11:22:33:44:55' }
  place(site, 5, copy)
  await site.clock.advance(30 * minuteMs)
  expect(site.cameras.get(device)?.address).toBe(addressOf(1))
  expect([camera.writes, copy.writes]).toEqual([[], []])
})

test('another camera at the address is offered as a replacement, with what it is, and is never written to', async () => {
  const site = createSite()
  site.start()
  await site.clock.until(() => connectivity(site) === 'ONLINE null')
  const own = site.camera()
  const stranger = createScriptedCamera('stranger')
  stranger.shows = { model: 'New one', serialNumber: '77', endpointReference: 'urn:uuid:stranger' }
  place(site, 1, stranger)
  site.platform.wish(desiredDevice(device, [desiredApp()]))
  await site.clock.until(() => report(site)?.connectivity.replacement?.model === 'New one')
  expect(connectivity(site)).toBe('OFFLINE identity-changed')
  expect(report(site)?.connectivity.replacement).toMatchObject({
    ...{ address: addressOf(1), deviceId: 'stranger', serialNumber: '77', runsApps: true },
  })
  expect(report(site)?.connectivity.detail).toContain('Ocelli New one, serial number 77, device id stranger')
  await site.clock.advance(60 * minuteMs)
  expect(stranger.writes).toEqual([])
  place(site, 1, own)
  await site.untilSettled()
  expect(report(site)?.connectivity.replacement).toBeNull()
  expect(own.writes).toHaveLength(2)
})

test('another camera that refuses the login is told from a changed password, and the own one is found elsewhere', async () => {
  const { site, camera } = await startAndMove({ to: 9 })
  const stranger = createScriptedCamera('stranger')
  stranger.password = 'foreign'
  place(site, 1, stranger)
  await site.clock.until(() => report(site)?.connectivity.replacement !== null && connectivity(site).startsWith('OFF'))
  expect(connectivity(site)).toBe('OFFLINE identity-changed')
  expect(report(site)?.connectivity.detail).toContain('Another camera answers at')
  await site.clock.until(() => site.cameras.get(device)?.address === addressOf(9), { withinMs: 90 * minuteMs })
  expect(stranger.refusedLogins).toBeLessThanOrEqual(4)
  expect(stranger.writes).toEqual([])
  expect(camera.refusedLogins).toBe(0)
})

test('a changed password of a camera that is where it was is no reason to ask others', async () => {
  const site = createSite()
  site.start()
  await site.clock.until(() => connectivity(site) === 'ONLINE null')
  site.camera().password = 'changed'
  const copy = createScriptedCamera(device)
  copy.shows = { macAddress: null, endpointReference: null, serialNumber: device }
  place(site, 5, copy)
  await site.clock.advance(20 * minuteMs)
  expect(connectivity(site)).toBe('ONLINE credentials-refused')
  expect(report(site)?.connectivity.replacement).toBeNull()
  expect(copy.opened).toBe(0)
})

test('marks are remembered across restarts', async () => {
  const { site } = await startAndMove({ to: 9 })
  await site.stop()
  expect(site.cameras.get(device)?.marks).toEqual({
    ...{ serialNumber: device, macAddress: null, endpointReference: `urn:uuid:${device}` },
  })
  site.start()
  await site.clock.until(() => site.cameras.get(device)?.address === addressOf(9), { withinMs: 10 * minuteMs })
  expect(cameraRecord(1).marks.endpointReference).toBeNull()
})
