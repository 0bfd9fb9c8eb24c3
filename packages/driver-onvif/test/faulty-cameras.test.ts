import type { CameraOptions, Faults } from '@ocelli/camera-sim'
import { afterAll, expect, test } from 'vitest'
import { appId, callOptions, createPackages, openCamera, quickDriver, targetOf } from './simulated-harness.ts'

const packages = await createPackages()
afterAll(packages.remove)

const hourMs = 3_600_000
const oddities: [name: string, given: Partial<CameraOptions>][] = [
  ['takes Digest with MD5 only', { auth: 'digest-md5' }],
  ['takes Digest with SHA-256 only', { auth: 'digest-sha256' }],
  ['takes a UsernameToken only', { auth: 'wsse' }],
  ['takes a UsernameToken only, an hour ahead', { auth: 'wsse', clockOffsetMs: hourMs }],
  ['takes a UsernameToken only, in 1970', { auth: 'wsse', clockOffsetMs: -Date.now() }],
  ['names no qop and no algorithm', { faults: { challengeShape: { qop: 'absent', algorithm: 'absent' } } }],
  ['gives addresses of another network', { faults: { xaddr: 'private' } }],
  ['gives addresses of itself', { faults: { xaddr: 'loopback' } }],
  ['gives addresses without a host', { faults: { xaddr: 'path-only' } }],
  ['wants a login for its time', { faults: { dateTimeNeedsAuthentication: true } }],
  ['wants a UsernameToken for its time', { auth: 'wsse', faults: { dateTimeNeedsAuthentication: true } }],
  ['does not tell UTC', { faults: { utcDateTimeMissing: true } }],
  ['closes every connection', { faults: { noKeepAlive: true } }],
  ['refuses the action parameter', { faults: { actionParameter: 'refused' } }],
  ['demands the action parameter', { faults: { actionParameter: 'required' } }],
  ['sends faults with status 200', { faults: { faultStatus: 200 } }],
  ['has no events', { faults: { noEvents: true } }],
  ['has events that never come', { faults: { silentEvents: true } }],
  ['answers slowly', { faults: { slowMs: 100 } }],
  ['looks into packages late', { faults: { lateIdentificationMs: 300 } }],
  ['tells its capabilities only when asked for them alone', { faults: { noCapabilities: true } }],
  ['qualifies what must not be qualified', { faults: { qualifiedReplies: true } }],
  ['refuses pull points', { faults: { pullPoint: 'refused' } }],
  ['gives pull points without a host', { faults: { pullPoint: 'hostless' } }],
  ['gives pull points without an address', { faults: { pullPoint: 'empty' } }],
  ['tells its pull points apart by reference parameters', { faults: { pullPoint: 'reference-parameters' } }],
  ['starts apps by itself', { activateAfterInstall: true }],
]

test.for(oddities)('the whole life of an app works on a camera that %s', async ([, given]) => {
  const { camera, driver } = await openCamera(given)
  expect((await driver.readIdentity(callOptions())).deviceId).toBe('OCELLI-0001')
  expect((await driver.install(await packages.write('1.0'), callOptions())).version).toBe('1.0')
  await driver.start(appId, callOptions())
  expect((await driver.install(await packages.write('2.0'), callOptions())).version).toBe('2.0')
  await driver.stop(appId, callOptions())
  await driver.uninstall(appId, callOptions())
  expect(camera.apps()).toEqual([])
  expect(camera.refusedLogins).toBe(0)
})

test('a camera with a single connection is never asked two things at once', async () => {
  const { camera, driver } = await openCamera({ faults: { oneConnection: true } })
  const stop = new AbortController()
  const listen = async () => {
    const heard: string[] = []
    for await (const { appId: id } of driver.watch({ signal: stop.signal }) ?? []) heard.push(id)
    return heard
  }
  const listening = listen()
  const looks = Array.from({ length: 20 }, () => driver.listApps(callOptions()))
  const installing = driver.install(await packages.write('1.0'), callOptions())
  await Promise.all([...looks, installing, driver.readFacts(callOptions()), driver.readIdentity(callOptions())])
  stop.abort()
  expect(await listening).toContain(appId)
  expect(camera.requests.every(({ status }) => status !== null)).toBe(true)
})

test('a package crosses the network once, although the camera asks for a login', async () => {
  const { camera, driver } = await openCamera()
  await driver.install(await packages.write('1.0'), callOptions())
  const uploads = camera.requests.filter(({ operation }) => operation === 'Upload')
  expect(uploads.map(({ credentials, status }) => `${credentials} ${status}`)).toEqual(['none 401', 'digest 200'])
})

const unusable: [name: string, faults: Partial<Faults>, code: string][] = [
  ['a web page', { htmlReply: true }, 'bad-reply'],
  ['half of a document', { malformedXml: true }, 'bad-reply'],
  ['more than anybody can hold', { hugeReplyBytes: 20_000_000 }, 'bad-reply'],
  ['garbage for the addresses of its services', { xaddr: 'garbage' }, 'unsupported'],
  ['nothing about its services', { noGetServices: true }, 'unsupported'],
]

test.for(unusable)('a camera that answers %s fails cleanly', async ([, faults, code]) => {
  const { driver } = await openCamera({ faults })
  await expect(driver.listApps(callOptions())).rejects.toMatchObject({ name: 'DriverError', code })
})

test('a failed installation is noticed by polling when the camera has no events', async () => {
  const { driver } = await openCamera({ installMs: 300, faults: { noEvents: true, failInstall: 'no signature' } })
  await expect(driver.install(await packages.write('1.0'), callOptions())).rejects.toMatchObject({
    code: 'install-failed',
  })
})

test('a failed update is noticed by polling, with the words that the camera lists', async () => {
  const { camera, driver } = await openCamera({ installMs: 300, faults: { noEvents: true } })
  await driver.install(await packages.write('1.0'), callOptions())
  camera.setFault('failInstall', 'no signature')
  const failure = { code: 'install-failed', deviceCode: 'no signature' }
  await expect(driver.install(await packages.write('2.0'), callOptions())).rejects.toMatchObject(failure)
})

test('an installation that somebody else began is waited for instead of being sent again', async () => {
  const { camera, driver } = await openCamera({ installMs: 400 })
  const localPackage = await packages.write('1.0')
  const first = driver.install(localPackage, callOptions())
  await expect.poll(() => camera.apps()[0]?.state, { interval: 10 }).toBe('Installing')
  const other = quickDriver.open(targetOf(camera))
  const second = await other.install(localPackage, callOptions())
  expect([(await first).version, second.version]).toEqual(['1.0', '1.0'])
  expect(camera.requests.filter(({ operation, status }) => operation === 'Upload' && status === 200)).toHaveLength(1)
})

test('the same version over itself is installed again', async () => {
  const { camera, driver } = await openCamera({ installMs: 100 })
  await driver.install(await packages.write('1.0'), callOptions())
  await driver.install(await packages.write('1.0'), callOptions())
  expect(camera.requests.filter(({ operation, status }) => operation === 'Upload' && status === 200)).toHaveLength(2)
})

test('an upload that breaks off is worth a retry, and the retry succeeds', async () => {
  const { camera, driver } = await openCamera({ faults: { dropUploadAfterBytes: 100_000 } })
  const localPackage = await packages.write('1.0')
  await expect(driver.install(localPackage, callOptions())).rejects.toMatchObject({
    code: 'unreachable',
    retryable: true,
  })
  camera.clearFaults()
  expect((await driver.install(localPackage, callOptions())).version).toBe('1.0')
})

test('a restart during the upload is worth a retry', async () => {
  const { camera, driver } = await openCamera({ faults: { rebootDuring: { step: 'upload', downMs: 100 } } })
  const localPackage = await packages.write('1.0', 3_000_000)
  const result = await driver.install(localPackage, callOptions()).catch((error: unknown) => error)
  expect(result).toMatchObject({ retryable: true })
  await expect.poll(() => camera.isUp).toBe(true)
  expect((await driver.install(localPackage, callOptions())).version).toBe('1.0')
})

test('the apps of a camera that took the address during a restart say nothing about the installation', async () => {
  const { camera, driver } = await openCamera()
  camera.setFault('rebootDuring', { step: 'install', downMs: 300 })
  camera.onUp(() => {
    camera.setDeviceId('ANOTHER-CAMERA')
    camera.installApp({ appId, version: '1.0' })
  })
  const failure = { code: 'unreachable', message: expect.stringContaining('another one answers') }
  await expect(driver.install(await packages.write('1.0'), callOptions())).rejects.toMatchObject(failure)
})

test('a camera that stays away during an installation is given up before the deadline', async () => {
  const { driver } = await openCamera({ faults: { rebootDuring: { step: 'install', downMs: 60_000 } } })
  const installing = driver.install(await packages.write('1.0'), callOptions(15_000))
  await expect(installing).rejects.toMatchObject({ code: 'unreachable' })
})

test('an early refusal of a large package is heard before all of it is sent', async () => {
  const { driver } = await openCamera({ maxPackageBytes: 1_000 })
  const percents: (number | null)[] = []
  const installing = driver.install(await packages.write('1.0', 50_000_000), {
    ...callOptions(),
    onProgress: ({ percent }) => percents.push(percent),
  })
  await expect(installing).rejects.toMatchObject({ code: 'package-refused', deviceCode: 'HTTP 413' })
  expect(percents).not.toContain(100)
})

test.for(['digest', 'wsse'] as const)('with %s a wrong password costs at most two refused logins', async (auth) => {
  const { camera } = await openCamera({ auth })
  const target = { ...targetOf(camera), credentials: { user: 'admin', password: 'wrong' } }
  const driver = quickDriver.open(target)
  for (let round = 0; round < 5; round++) {
    await expect(driver.listApps(callOptions())).rejects.toMatchObject({ code: 'credentials-refused' })
  }
  expect(camera.refusedLogins).toBeLessThanOrEqual(2)
})

test('a user without the right to change anything is told so and is not locked out', async () => {
  const { camera } = await openCamera({ users: [{ username: 'viewer', password: 'v', level: 'User' }], maxRefused: 3 })
  const driver = quickDriver.open({ ...targetOf(camera), credentials: { user: 'viewer', password: 'v' } })
  camera.installApp({ appId })
  expect(await driver.listApps(callOptions())).toHaveLength(1)
  await expect(driver.start(appId, callOptions())).rejects.toMatchObject({ code: 'refused' })
  expect(camera.isLockedOut).toBe(false)
  expect(await driver.listApps(callOptions())).toHaveLength(1)
})

test('a refusal that is not about licenses is passed on in the words of the camera', async () => {
  const reason = 'The lens cap is on.'
  const { camera, driver } = await openCamera({ faults: { failOperation: { operations: ['Activate'], reason } } })
  camera.installApp({ appId })
  const failure = { code: 'refused', message: expect.stringContaining(reason) }
  await expect(driver.start(appId, callOptions())).rejects.toMatchObject(failure)
})

test('an app whose start the camera only promises is told as fallen back', async () => {
  const { camera, driver } = await openCamera({ faults: { rebootDuring: { step: 'activate', downMs: 0 } } })
  camera.installApp({ appId })
  const result = await driver.start(appId, callOptions()).catch((error: unknown) => error)
  expect(result).toMatchObject({ name: 'DriverError' })
  expect(['app-fell-back', 'unreachable']).toContain((result as { code: string }).code)
})
