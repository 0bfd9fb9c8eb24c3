import type { DownMessage, UpMessage } from '@ocelli/contract'
import { expect, test } from 'vitest'
import { GatewayError } from '../../src/state/gateway-error.ts'
import { addressOf, cameraRecord, createSite, type Site } from './gateway-fixture.ts'
import { createScriptedCamera } from './scripted-camera.ts'
import { appId, desiredApp, desiredDevice, packageOf } from './scripted-platform.ts'

const device = 'camera-1'
const minuteMs = 60_000

const sent = <Kind extends UpMessage['kind']>(site: Site, kind: Kind) =>
  site.platform.received.filter((message): message is Extract<UpMessage, { kind: Kind }> => message.kind === kind)

test('it says hello with what it has, and hellos again until it is welcomed', async () => {
  const site = createSite()
  let losses = 2
  site.platform.passesDown = ({ kind }) => kind !== 'welcome' || losses-- <= 0
  site.start()
  await site.clock.until(() => site.platform.state.size === 1)
  expect(sent(site, 'hello')).toHaveLength(3)
  expect(sent(site, 'hello')[0]?.devices).toEqual([{ deviceId: device, assignment: 1, revision: 0 }])
})

test('heartbeats carry connection and session as often as the platform wants', async () => {
  const site = createSite()
  site.start()
  await site.clock.advance(5 * minuteMs)
  const beats = sent(site, 'heartbeat')
  expect(beats.length).toBeGreaterThanOrEqual(10)
  expect(beats.length).toBeLessThanOrEqual(12)
  expect(beats.at(-1)).toMatchObject({ connectionId: 'connection-1', session: 1 })
})

test('a report is sent again after 5 seconds until it is acknowledged', async () => {
  const site = createSite()
  site.platform.passesDown = ({ kind }) => kind !== 'ack'
  site.start()
  await site.clock.until(() => sent(site, 'report').length === 3)
  const [first, , third] = sent(site, 'report')
  expect(third?.reports[0]?.seq).toBe(first?.reports[0]?.seq)
  expect(site.platform.applied).toHaveLength(1)
  site.platform.passesDown = () => true
  await site.clock.advance(minuteMs / 2)
  expect(sent(site, 'report').length).toBeLessThanOrEqual(4)
  expect([...site.stateFolder.files.keys()].filter((name) => name.startsWith('reports/'))).toEqual([])
})

test('hello-again begins a new session in which the whole state is told', async () => {
  const site = createSite()
  site.start()
  await site.clock.until(() => site.platform.state.size === 1)
  site.platform.state.clear()
  site.platform.session++
  site.platform.down({ kind: 'hello-again', session: 1 })
  await site.clock.until(() => site.platform.state.size === 1, { withinMs: 5_000 })
  expect(sent(site, 'report').at(-1)?.session).toBe(3)
})

test('an old welcome that comes late does not bring its session back', async () => {
  const site = createSite()
  site.start()
  await site.clock.until(() => site.platform.state.size === 1)
  site.platform.session++
  site.platform.down({ kind: 'hello-again', session: 1 })
  await site.clock.until(() => site.platform.session === 3)
  await site.clock.advance(1_000)
  const hellos = sent(site, 'hello').length
  const { sites } = site.platform
  const late = { kind: 'welcome', connectionId: 'connection-1', session: 1, heartbeatSeconds: 30 } as const
  site.platform.down({ ...late, assignments: [], sites })
  await site.clock.advance(minuteMs)
  expect(sent(site, 'hello')).toHaveLength(hellos)
  expect(sent(site, 'heartbeat').at(-1)?.session).toBe(3)
})

test('a wish of another session is ignored', async () => {
  const site = createSite()
  site.start()
  await site.clock.until(() => site.platform.state.size === 1)
  const devices = [desiredDevice(device, [desiredApp()])]
  site.platform.down({ kind: 'desired', session: site.platform.session - 1, devices })
  await site.clock.advance(5 * minuteMs)
  expect(site.camera().writes).toEqual([])
})

test('a hello-again for an older session is ignored', async () => {
  const site = createSite()
  site.start()
  await site.clock.until(() => site.platform.state.size === 1)
  site.platform.down({ kind: 'hello-again', session: 0 })
  await site.clock.advance(5_000)
  expect(sent(site, 'hello')).toHaveLength(1)
})

test('nothing begins before the present session has confirmed the assignment', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  site.camera().during = ({ signal }) => site.clock.sleep(20_000, signal)
  await site.clock.until(() => site.camera().writes.length === 1)
  site.platform.disconnect()
  await site.clock.advance(60 * minuteMs)
  expect(site.camera().writes).toEqual([`install ${appId} 4.0.0`])
  expect(site.camera().apps.get(appId)?.version).toBe('4.0.0')
  // Welcomed again, but the device belongs to another gateway now.
  site.platform.desired.clear()
  site.platform.connect()
  await site.clock.advance(10 * minuteMs)
  expect(site.camera().writes).toHaveLength(1)
  site.platform.wish(desiredDevice(device, [desiredApp({ revision: 2 })], { assignment: 3 }))
  await site.untilSettled(device, appId, 2)
  expect(site.phase()).toBe('CONVERGED')
  expect(site.platform.state.get(device)?.assignment).toBe(3)
})

test('a session that is lost while the attempt is written down keeps its first step from beginning', async () => {
  const site = createSite()
  const { writeJson } = site.stateFolder
  site.stateFolder.writeJson = async (name, value) => {
    await writeJson(name, value)
    if (JSON.stringify(value).includes('"began":{')) site.platform.disconnect()
  }
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.clock.advance(60 * minuteMs)
  expect(site.packages.downloads).toEqual([])
})

test('the deadline of a begun step stands still while the platform is away', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.camera().during = async () => {
    site.camera().isReachable = false
    site.camera().during = async () => undefined
  }
  site.start()
  await site.clock.until(() => !site.camera().isReachable)
  await site.clock.advance(minuteMs)
  site.platform.disconnect()
  await site.clock.advance(60 * minuteMs)
  site.platform.connect()
  await site.clock.advance(minuteMs)
  site.camera().isReachable = true
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
})

test('downloads that break with the platform do not use up the tries', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.packages.during = async () => {
    site.platform.disconnect()
    throw new GatewayError('platform-unreachable', 'The platform is away.')
  }
  site.start()
  for (let outage = 1; outage <= 6; outage++) {
    await site.clock.until(() => site.packages.downloads.length === outage)
    await site.clock.advance(minuteMs)
    site.platform.connect()
  }
  site.packages.during = async () => undefined
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
})

test('a lower assignment and a lower revision are ignored, whenever they come', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp({ revision: 5 })], { assignment: 2 }))
  site.start()
  await site.untilSettled()
  const older = packageOf('9.9.9', 99)
  const send = (changes: Parameters<typeof desiredDevice>[2], revision: number) =>
    site.platform.down({
      kind: 'desired',
      session: site.platform.session,
      devices: [desiredDevice(device, [desiredApp({ revision, package: older })], changes)],
    })
  for (const [assignment, revision] of [
    [1, 9],
    [2, 4],
  ] as const) {
    send({ assignment }, revision)
    await site.clock.advance(2 * minuteMs)
    expect(site.platform.state.get(device)).toMatchObject({ assignment: 2, revision: 5 })
  }
  await site.clock.advance(5 * minuteMs)
  expect(site.camera().apps.get(appId)?.version).toBe('4.0.0')
  expect(site.platform.state.get(device)).toMatchObject({ assignment: 2, revision: 5 })
})

test('doubled and reordered messages change nothing', async () => {
  const site = createSite()
  const waiting: DownMessage[] = []
  site.platform.passesDown = (message) => {
    if (waiting.includes(message)) return true
    waiting.push(message)
    void site.clock.sleep(waiting.length % 2 === 0 ? 10 : 700, new AbortController().signal).then(() => {
      site.platform.down(message)
      site.platform.down(message)
    })
    return false
  }
  site.platform.desired.set(device, desiredDevice(device, [desiredApp({ running: 'RUNNING' })]))
  site.start()
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
  expect(site.camera().writes).toEqual([`install ${appId} 4.0.0`, `license ${appId} license-1`, `start ${appId}`])
})

test('a lost wish is asked for again by a new hello', async () => {
  const site = createSite()
  let losses = 1
  site.platform.passesDown = ({ kind }) => kind !== 'desired' || losses-- <= 0
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.untilSettled()
  expect(sent(site, 'hello')).toHaveLength(2)
})

test('a lost license answer is asked for again, and the same license is placed', async () => {
  const site = createSite()
  let losses = 2
  site.platform.passesDown = ({ kind }) => kind !== 'license' || losses-- <= 0
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.untilSettled()
  expect(site.platform.licensesAsked).toHaveLength(3)
  expect(site.camera().writes.at(-1)).toBe(`license ${appId} license-1`)
})

test('a platform that goes away at the license step costs nothing but time', async () => {
  const site = createSite()
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.platform.passesUp = ({ kind }) => kind !== 'license-ask'
  site.start()
  await site.clock.until(() => site.platform.work(device, appId)?.step === 'LICENSE')
  site.platform.disconnect()
  await site.clock.advance(24 * 60 * minuteMs)
  site.platform.passesUp = () => true
  site.platform.connect()
  await site.untilSettled()
  expect(site.phase()).toBe('CONVERGED')
  expect(site.camera().writes.filter((write) => write.startsWith('install'))).toHaveLength(1)
})

test('a waiting wish is told anew every minute, an idle device is not', async () => {
  const site = createSite({ cameraCount: 2 })
  site.camera(1).isReachable = false
  site.platform.desired.set(device, desiredDevice(device, [desiredApp()]))
  site.start()
  await site.clock.advance(2 * minuteMs)
  const before = { waiting: countReports(site, device), idle: countReports(site, 'camera-2') }
  await site.clock.advance(10 * minuteMs)
  expect(countReports(site, device) - before.waiting).toBeGreaterThanOrEqual(9)
  expect(countReports(site, 'camera-2') - before.idle).toBeLessThanOrEqual(2)
})

test('a camera that is added while the gateway runs is worked on', async () => {
  const site = createSite()
  site.start()
  await site.clock.until(() => site.platform.state.size === 1)
  site.network.set(addressOf(2), createScriptedCamera('camera-2'))
  site.platform.desired.set('camera-2', desiredDevice('camera-2', [desiredApp()]))
  await site.cameras.save(cameraRecord(2))
  await site.untilSettled('camera-2')
  expect(site.phase('camera-2')).toBe('CONVERGED')
})

test('a camera that is removed by hand is left alone from then on', async () => {
  const site = createSite()
  site.start()
  await site.clock.until(() => site.platform.state.size === 1)
  await site.cameras.remove(device)
  await site.clock.advance(minuteMs)
  const looks = site.camera().looks
  site.platform.wish(desiredDevice(device, [desiredApp()]))
  await site.clock.advance(10 * minuteMs)
  expect(site.camera().looks).toBe(looks)
  expect(site.camera().writes).toEqual([])
})

const countReports = (site: Site, deviceId: string) =>
  site.platform.applied.filter((report) => report.deviceId === deviceId).length
