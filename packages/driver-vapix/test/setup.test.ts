import { once } from 'node:events'
import { createServer } from 'node:http'
import type { SimulatedAxisCamera } from '@ocelli/camera-sim'
import { afterEach, expect, test } from 'vitest'
import { credentials, quickDriver, startAxis, targetOf } from './axis-harness.ts'

const open: SimulatedAxisCamera[] = []
afterEach(async () => {
  for (const camera of open.splice(0)) await camera.close()
})

const options = () => ({ signal: AbortSignal.timeout(10_000) })

async function start(...given: Parameters<typeof startAxis>) {
  const camera = await startAxis(...given)
  open.push(camera)
  return camera
}

const as = (camera: SimulatedAxisCamera, user: string, password: string) => ({
  ...targetOf(camera),
  credentials: { user, password },
})

test('a camera as it left the factory says that it needs a first password', async () => {
  const camera = await start({ needsSetup: true })
  const probe = await quickDriver.probe(targetOf(camera), options())
  expect(probe).toMatchObject({ speaks: true, needsFirstPassword: true, manufacturer: 'AXIS', model: 'P3265-V' })
  expect(probe.detail).toContain('first password')
  const driver = quickDriver.open(targetOf(camera))
  await expect(driver.readIdentity(options())).rejects.toMatchObject({ code: 'needs-first-password' })
})

test('it gets its first administrator, who can do everything', async () => {
  const camera = await start({ needsSetup: true })
  const target = as(camera, 'root', 'a & b = 100%')
  await quickDriver.createFirstUser?.(target, options())
  expect(camera.needsSetup).toBe(false)
  expect(camera.requests.map(({ path }) => path).join()).not.toContain('100')
  expect((await quickDriver.open(target).readIdentity(options())).deviceId).toBe(camera.deviceId)
})

test('a camera that has users gets none', async () => {
  const camera = await start()
  const made = quickDriver.createFirstUser?.(as(camera, 'root', 'new'), options())
  await expect(made).rejects.toMatchObject({ code: 'refused' })
})

test.each([
  ['another name before AXIS OS 11.5', '10', 'admin', 'pass'],
  ['a name with other characters', '12', 'ad-min', 'pass'],
  ['a password with other characters', '12', 'root', 'pässword'],
  ['no password', '12', 'root', ''],
])('%s is refused before the camera is asked', async (_, os, user, password) => {
  const camera = await start({ needsSetup: true, os })
  const made = quickDriver.createFirstUser?.(as(camera, user, password), options())
  await expect(made).rejects.toMatchObject({ code: 'refused' })
  expect(camera.needsSetup).toBe(true)
  expect(camera.writes).toBe(0)
})

test('since AXIS OS 11.5 the first user may have any name', async () => {
  const camera = await start({ needsSetup: true, os: '12' })
  await quickDriver.createFirstUser?.(as(camera, 'ocelli', 'pass'), options())
  expect(camera.needsSetup).toBe(false)
})

test('a camera that was reset says that it needs a first password, whatever was known before', async () => {
  const camera = await start()
  const driver = quickDriver.open(targetOf(camera))
  await driver.listApps(options())
  await camera.factoryReset()
  await expect(driver.listApps(options())).rejects.toMatchObject({ code: 'needs-first-password' })
})

test('a probe tells model, AXIS OS and clock without a login, also of old cameras', async () => {
  const camera = await start({ os: '12', clockOffsetMs: 3_600_000 })
  const probe = await quickDriver.probe(targetOf(camera), options())
  expect(probe).toMatchObject({ speaks: true, runsApps: null, needsFirstPassword: false })
  expect(probe.detail).toContain(camera.osVersion)
  expect(Math.abs((probe.clockOffsetMs ?? 0) - 3_600_000)).toBeLessThan(2_000)
  const old = await start({ os: '5' })
  expect(await quickDriver.probe(targetOf(old), options())).toMatchObject({ speaks: true, manufacturer: 'AXIS' })
  expect(camera.requests.every(({ credentials }) => credentials === 'none')).toBe(true)
})

test('a camera whose AXIS OS cannot list apps runs none', async () => {
  const camera = await start({ os: '5.20' })
  expect(await quickDriver.probe(targetOf(camera), options())).toMatchObject({ speaks: true, runsApps: false })
})

test('a camera on https shows its certificate', async () => {
  const camera = await start({ https: true })
  const probe = await quickDriver.probe(targetOf(camera), options())
  expect(probe.certificate?.sha256).toMatch(/^[0-9a-f]{64}$/)
})

test('HTTP answered by something that is no camera is a bad reply or unsupported, never a login', async () => {
  const server = createServer((_, response) => response.end('<html>Welcome</html>')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('A server has a port.')
  const tls = { pinnedSha256: null, allowLegacy: false }
  const target = { address: `http://127.0.0.1:${address.port}`, credentials, tls }
  try {
    await expect(quickDriver.open(target).readIdentity(options())).rejects.toMatchObject({ code: 'bad-reply' })
    expect(await quickDriver.probe(target, options())).toMatchObject({ speaks: false, runsApps: false })
  } finally {
    server.close()
  }
})
