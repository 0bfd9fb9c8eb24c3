import { once } from 'node:events'
import { createServer } from 'node:net'
import { createOnvifDriver } from '@ocelli/driver-onvif'
import { expect, test } from 'vitest'
import { noMarks } from '../../src/cameras/camera-marks.ts'
import { type Clock, createSystemClock } from '../../src/state/clock.ts'
import { createDiskSite } from './disk-fixture.ts'
import { cameraRecord } from './gateway-fixture.ts'
import { createScriptedPackages } from './memory-edge.ts'
import { desiredDevice, siteId } from './scripted-platform.ts'
import { startSimulatedCamera } from './simulated-cameras.ts'

const device = 'camera-1'
const [home, elsewhere] = ['127.0.0.2', '127.0.0.9']

/** The system's time, run through faster: what takes a camera minutes takes a test seconds. */
function createFastClock(factor: number): Clock {
  const system = createSystemClock()
  const beganAt = { wall: system.now(), monotonic: system.monotonic() }
  return {
    now: () => beganAt.wall + (system.now() - beganAt.wall) * factor,
    monotonic: () => beganAt.monotonic + (system.monotonic() - beganAt.monotonic) * factor,
    sleep: (ms, signal) => system.sleep(ms / factor, signal),
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('There is no port.')
  return address.port
}

/** A gateway with the real ONVIF driver, whose camera has answered once, and a range in which it looks for it. */
async function startSite(port: number) {
  const clock = createFastClock(20)
  const credentials = { user: 'root', password: 'correct' }
  const tls = { pinnedSha256: null, allowLegacy: false }
  const record = cameraRecord(1, { address: `http://${home}:${port}`, credentials, tls, marks: noMarks })
  const driver = createOnvifDriver()
  const site = await createDiskSite({
    ...{ cameras: [record], packages: createScriptedPackages(clock), clock, discovery: 'ranges' },
    drivers: () => ({ onvif: async () => driver }),
  })
  site.platform.sites = [{ siteId, maxInFlight: 2, repair: 'request', addressRanges: ['127.0.0.0/28'] }]
  site.platform.desired.set(device, desiredDevice(device, []))
  const report = () => site.platform.state.get(device)
  const until = (isSo: () => boolean, what: string) => site.until(isSo, what, 20 * 90_000)
  await site.start()
  await until(() => report()?.connectivity.state === 'ONLINE', 'the first answer')
  return { ...site, report, until }
}

test.skipIf(process.platform !== 'linux')(
  'a simulated camera that moved is found in the range of its site',
  async () => {
    const port = await freePort()
    const before = await startSimulatedCamera({ deviceId: device, host: home, port })
    const site = await startSite(port)
    await before.stop()
    const stranger = await startSimulatedCamera({ deviceId: 'stranger', host: '127.0.0.5', port, password: 'foreign' })
    const after = await startSimulatedCamera({ deviceId: device, host: elsewhere, port })
    await site.until(() => site.report()?.address === after.address, 'the new address')
    await site.until(() => site.report()?.connectivity.state === 'ONLINE', 'the answer at the new address')
    expect(await after.look()).toMatchObject({ writes: 0, refusedLogins: 0 })
    expect(await stranger.look()).toMatchObject({ writes: 0, refusedLogins: 0 })
  },
  120_000,
)

test.skipIf(process.platform !== 'linux')(
  'a simulated camera in another one’s place is offered as its replacement',
  async () => {
    const port = await freePort()
    const before = await startSimulatedCamera({ deviceId: device, host: home, port })
    const site = await startSite(port)
    await before.stop()
    const swapped = await startSimulatedCamera({ deviceId: 'swapped', host: home, port })
    await site.until(() => site.report()?.connectivity.replacement?.runsApps === true, 'the replacement')
    expect(site.report()?.connectivity).toMatchObject({
      ...{ state: 'OFFLINE', reason: 'identity-changed' },
      replacement: { address: swapped.address, deviceId: 'swapped' },
    })
    expect(await swapped.look()).toMatchObject({ writes: 0, refusedLogins: 0 })
  },
  120_000,
)

test.skipIf(process.platform !== 'linux')(
  'a foreign camera at the address gets two logins, and nothing is written to it',
  async () => {
    const port = await freePort()
    const before = await startSimulatedCamera({ deviceId: device, host: home, port })
    const site = await startSite(port)
    await before.stop()
    const foreign = await startSimulatedCamera({ deviceId: 'foreign', host: home, port, password: 'foreign' })
    await site.until(() => site.report()?.connectivity.reason === 'identity-changed', 'the foreign camera')
    expect(site.report()?.connectivity).toMatchObject({ state: 'OFFLINE', replacement: { deviceId: null } })
    const { writes, refusedLogins } = await foreign.look()
    expect(writes).toBe(0)
    expect(refusedLogins).toBeLessThanOrEqual(2)
  },
  120_000,
)
