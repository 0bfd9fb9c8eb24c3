import type { AxisCameraOptions, Faults, SimulatedAxisCamera } from '@ocelli/camera-sim'
import { afterAll, expect, test } from 'vitest'
import { appId, callOptions, createPackages, openCamera, quickDriver, targetOf } from './axis-harness.ts'

const packages = await createPackages()
afterAll(packages.remove)

const uploads = (camera: SimulatedAxisCamera) => camera.requests.filter(({ operation }) => operation === 'upload')

const generations: [name: string, given: Partial<AxisCameraOptions>][] = [
  ['has AXIS OS 5', { os: '5', architecture: 'armv7hf' }],
  ['has AXIS OS 9.80', { os: '9' }],
  ['has AXIS OS 10.12', { os: '10' }],
  ['has AXIS OS 11.11', { os: '11' }],
  ['has AXIS OS 12', { os: '12', allowUnsigned: true }],
  ['speaks https', { https: true }],
  ['takes Basic only, on https', { https: true, authenticationPolicy: 'Basic' }],
  ['takes Digest only, on https', { https: true, authenticationPolicy: 'Digest' }],
  ['offers Basic beside Digest on http', { authenticationPolicy: 'Basic_Digest' }],
  ['names no qop and no algorithm', { faults: { challengeShape: { qop: 'absent', algorithm: 'absent' } } }],
  ['closes every connection', { faults: { noKeepAlive: true } }],
  ['answers slowly', { faults: { slowMs: 50 } }],
]

test.for(generations)('the whole life of an app works on a camera that %s', async ([, given]) => {
  const { camera, driver } = await openCamera(given)
  const { architecture = 'aarch64' } = given
  expect((await driver.readIdentity(callOptions())).deviceId).toBe('ACCC8E123456')
  const facts = await driver.readFacts(callOptions())
  expect(facts).toMatchObject({
    architecture,
    appFormats: ['eap'],
    unsignedApps: true,
    macAddress: 'AC:CC:8E:12:34:56',
  })
  expect(facts.firmwareVersion).toBe(camera.osVersion)
  await driver.install(await packages.write('1.0', { architecture }), callOptions())
  await driver.start(appId, callOptions())
  await driver.install(await packages.write('2.0', { architecture }), callOptions())
  // AXIS OS 5 prints two numbers of a version, and lets no update run on
  const state = given.os === '5' ? 'Stopped' : 'Running'
  expect(camera.apps()).toMatchObject([{ appId, version: expect.stringMatching(/^2\.0([.-]0)?$/), state }])
  await driver.stop(appId, callOptions())
  await driver.uninstall(appId, callOptions())
  expect(camera.apps()).toEqual([])
  expect(camera.refusedLogins).toBe(0)
})

test('a camera with a single connection is never asked two things at once', async () => {
  const { camera, driver } = await openCamera({ faults: { oneConnection: true } })
  const looks = Array.from({ length: 20 }, () => driver.listApps(callOptions()))
  const installing = driver.install(await packages.write('1.0'), callOptions())
  await Promise.all([...looks, installing, driver.readFacts(callOptions()), driver.readIdentity(callOptions())])
  expect(camera.requests.every(({ status }) => status !== null)).toBe(true)
})

test('a package crosses the network once, with the login of a small request before it', async () => {
  const { camera, driver } = await openCamera()
  await driver.install(await packages.write('1.0'), callOptions())
  expect(uploads(camera).map(({ credentials: login, status }) => `${login} ${status}`)).toEqual(['digest 200'])
})

test('the signing policy is told, and a package without a signature is refused as such', async () => {
  const { driver } = await openCamera({ os: '12' })
  expect((await driver.readFacts(callOptions())).unsignedApps).toBe(false)
  const unsigned = driver.install(await packages.write('1.0'), callOptions())
  await expect(unsigned).rejects.toMatchObject({ code: 'signature-refused', deviceCode: 'Error: 2', retryable: false })
  const signed = await packages.write('1.0', { signed: true })
  expect((await driver.install(signed, callOptions())).version).toBe('1.0.0')
})

const refusals: [name: string, given: Partial<AxisCameraOptions>, eap: object, code: string, deviceCode: string][] = [
  ['for another architecture', {}, { architecture: 'armv7hf' }, 'incompatible', 'Error: 5'],
  ['with a manifest that is none', {}, { manifest: '{}' }, 'package-refused', 'Error: 29'],
  [
    'that wants to run as root',
    { os: '12', allowUnsigned: true },
    { user: { username: 'root', group: 'root' } },
    'package-refused',
    'Error: 13',
  ],
  ['larger than the room left', { flashBytes: 1_000 }, {}, 'storage-full', 'Error: 3'],
]

test.for(refusals)('a package %s is refused with a reason', async ([, given, eap, code, deviceCode]) => {
  const { camera, driver } = await openCamera(given)
  const installing = driver.install(await packages.write('1.0', eap), callOptions())
  await expect(installing).rejects.toMatchObject({ code, deviceCode, retryable: false })
  expect(camera.apps()).toEqual([])
})

test('a package of another vendor cannot update the app, and is told so', async () => {
  const { driver } = await openCamera({ os: '12', allowUnsigned: true })
  const schema = '2.2.0'
  await driver.install(await packages.write('1.0', { schema, vendorId: '0000000001' }), callOptions())
  const other = driver.install(await packages.write('2.0', { schema, vendorId: '0000000002' }), callOptions())
  await expect(other).rejects.toMatchObject({ code: 'package-refused', message: expect.stringContaining('vendor') })
})

test('a package of the other format never leaves', async () => {
  const { camera, driver } = await openCamera()
  const localPackage = { ...(await packages.write('1.0')), format: 'apk' as const }
  await expect(driver.install(localPackage, callOptions())).rejects.toMatchObject({ code: 'incompatible' })
  expect(uploads(camera)).toEqual([])
})

test('a camera that takes another package is busy, and a later try succeeds', async () => {
  const { camera, driver } = await openCamera({ faults: { uploadBusy: true } })
  const localPackage = await packages.write('1.0')
  await expect(driver.install(localPackage, callOptions())).rejects.toMatchObject({ code: 'busy', retryable: true })
  camera.clearFaults()
  expect((await driver.install(localPackage, callOptions())).version).toBe('1.0.0')
})

test('an outcome that the camera does not know is found by looking', async () => {
  const { camera, driver } = await openCamera({ faults: { uploadOutcomeUnknown: 'installed' } })
  expect((await driver.install(await packages.write('1.0'), callOptions())).version).toBe('1.0.0')
  camera.setFault('uploadOutcomeUnknown', 'lost')
  const lost = driver.install(await packages.write('2.0'), callOptions())
  await expect(lost).rejects.toMatchObject({ code: 'timeout', retryable: true, deviceCode: 'Error: 15' })
  expect(camera.apps()).toMatchObject([{ version: '1.0.0' }])
})

test('an order whose outcome the camera does not know is found by looking', async () => {
  const { camera, driver } = await openCamera()
  camera.installApp({ appId, state: 'Active' })
  camera.setFault('cgiError', { operations: ['control'], code: 15 })
  await driver.start(appId, callOptions())
  await expect(driver.stop(appId, callOptions())).rejects.toMatchObject({ code: 'refused' })
  await expect(driver.uninstall(appId, callOptions())).rejects.toMatchObject({ code: 'refused' })
})

test('an answer that was lost after the installation is no failure', async () => {
  const { camera, driver } = await openCamera({ faults: { dropReply: ['upload'] } })
  expect((await driver.install(await packages.write('1.0'), callOptions())).version).toBe('1.0.0')
  expect(uploads(camera)).toHaveLength(1)
})

test('a restart in the middle is waited out, and what was installed before it counts', async () => {
  const { camera, driver } = await openCamera({
    faults: { rebootDuring: { step: 'install', downMs: 300, inFlight: 'completed' } },
  })
  const before = camera.bootId
  expect((await driver.install(await packages.write('1.0'), callOptions())).version).toBe('1.0.0')
  expect(camera.bootId).not.toBe(before)
  expect(uploads(camera)).toHaveLength(1)
})

test('a restart that lost the installation is told as one, and a retry succeeds', async () => {
  const { driver } = await openCamera({ faults: { rebootDuring: { step: 'install', downMs: 300 } } })
  const localPackage = await packages.write('1.0')
  const failure = { code: 'unreachable', retryable: true, message: expect.stringContaining('restarted') }
  await expect(driver.install(localPackage, callOptions())).rejects.toMatchObject(failure)
  expect((await driver.install(localPackage, callOptions())).version).toBe('1.0.0')
})

test('the apps of a camera that took the address during a restart say nothing about the installation', async () => {
  const { camera, driver } = await openCamera({ faults: { rebootDuring: { step: 'install', downMs: 300 } } })
  camera.onUp(() => {
    camera.setDeviceId('B8A44F000001')
    camera.installApp({ appId, version: '1.0.0' })
  })
  const failure = { code: 'unreachable', message: expect.stringContaining('another one answers') }
  await expect(driver.install(await packages.write('1.0'), callOptions())).rejects.toMatchObject(failure)
})

test('a camera that stays away during an installation is given up before the deadline', async () => {
  const { driver } = await openCamera({ faults: { rebootDuring: { step: 'install', downMs: 60_000 } } })
  const installing = driver.install(await packages.write('1.0'), callOptions(15_000))
  await expect(installing).rejects.toMatchObject({ code: 'unreachable' })
})

test('an upload that breaks off is worth a retry, and the retry succeeds', async () => {
  const { camera, driver } = await openCamera({ faults: { dropUploadAfterBytes: 100_000 } })
  const localPackage = await packages.write('1.0')
  await expect(driver.install(localPackage, callOptions())).rejects.toMatchObject({
    code: 'unreachable',
    retryable: true,
  })
  camera.clearFaults()
  // The camera may be busy with the rest of the first one for a moment.
  const again = () =>
    driver.install(localPackage, callOptions()).then(
      ({ version }) => version,
      ({ code }) => code,
    )
  await expect.poll(again, { timeout: 15_000 }).toBe('1.0.0')
})

test('an early refusal of a large package is heard before all of it is sent', async () => {
  const { driver } = await openCamera({ flashBytes: 1_000 })
  const percents: (number | null)[] = []
  const installing = driver.install(await packages.write('1.0', { padBytes: 50_000_000 }), {
    ...callOptions(),
    onProgress: ({ percent }) => percents.push(percent),
  })
  await expect(installing).rejects.toMatchObject({ code: 'storage-full' })
  expect(percents).not.toContain(100)
})

const pages: [name: string, faults: Partial<Faults>][] = [
  ['to the list', { htmlReply: ['list'] }],
  ['to the upload', { htmlReply: ['upload'] }],
]

test.for(pages)('a web page with status 200 %s is a bad reply worth a retry', async ([, faults]) => {
  const { camera, driver } = await openCamera({ faults })
  const localPackage = await packages.write('1.0')
  await expect(driver.install(localPackage, callOptions())).rejects.toMatchObject({
    code: 'bad-reply',
    retryable: true,
  })
  camera.clearFaults()
  expect((await driver.install(localPackage, callOptions())).version).toBe('1.0.0')
})

test.for([
  ['half of a list', { malformedXml: true }],
  ['more than anybody can hold', { hugeReplyBytes: 20_000_000 }],
] as [string, Partial<Faults>][])('a camera that answers %s fails cleanly', async ([, faults]) => {
  const { driver } = await openCamera({ faults })
  await expect(driver.listApps(callOptions())).rejects.toMatchObject({ name: 'DriverError', code: 'bad-reply' })
})

test('a password that was changed under us ends after two logins, and the right one works again', async () => {
  const { camera, driver } = await openCamera()
  await driver.listApps(callOptions())
  camera.setCredentials({ user: 'root', password: 'another' })
  for (let round = 0; round < 3; round++) {
    await expect(driver.listApps(callOptions())).rejects.toMatchObject({ code: 'credentials-refused' })
    await expect(driver.readFacts(callOptions())).rejects.toMatchObject({ code: 'credentials-refused' })
    await expect(driver.readIdentity(callOptions())).rejects.toMatchObject({ code: 'credentials-refused' })
  }
  expect(camera.refusedLogins).toBeLessThanOrEqual(2)
  const target = { ...targetOf(camera), credentials: { user: 'root', password: 'another' } }
  expect(await quickDriver.open(target).listApps(callOptions())).toEqual([])
})

test('a user who is no administrator is told that this is needed', async () => {
  const { camera } = await openCamera({ users: [{ user: 'viewer', password: 'v', group: 'viewer' }] })
  const driver = quickDriver.open({ ...targetOf(camera), credentials: { user: 'viewer', password: 'v' } })
  const failure = { code: 'credentials-refused', message: expect.stringContaining('administrator') }
  await expect(driver.listApps(callOptions())).rejects.toMatchObject(failure)
  expect(camera.isLockedOut).toBe(false)
})

test('Basic is never spoken over http', async () => {
  const { camera, driver } = await openCamera({ authenticationPolicy: 'Basic' })
  const failure = { code: 'unsupported', message: expect.stringContaining('https') }
  await expect(driver.listApps(callOptions())).rejects.toMatchObject(failure)
  expect(camera.requests.every(({ credentials: login }) => login === 'none')).toBe(true)
})

test('an app that ends by itself leaves the end of its log', async () => {
  const { driver } = await openCamera({ faults: { appFallsBackMs: 20 } })
  await driver.install(await packages.write('1.0'), callOptions())
  const failure = { code: 'app-fell-back', appLog: expect.stringContaining('ended with exit code 1') }
  await expect(driver.start(appId, callOptions())).rejects.toMatchObject(failure)
})

test('a failed update leaves the end of the app log of the version that is there', async () => {
  const { camera, driver } = await openCamera()
  await driver.install(await packages.write('1.0'), callOptions())
  await driver.start(appId, callOptions())
  camera.setFault('failInstall', 'whatever')
  const failure = { code: 'install-failed', appLog: expect.stringContaining('started') }
  await expect(driver.install(await packages.write('2.0'), callOptions())).rejects.toMatchObject(failure)
})

test('too many running apps are told as that', async () => {
  const { camera, driver } = await openCamera({ os: '11' })
  for (let count = 0; count < 10; count++) camera.installApp({ appId: `app${count}`, state: 'Active' })
  camera.installApp({ appId })
  const failure = { code: 'refused', deviceCode: 'Error: 9', message: expect.stringContaining('Too many') }
  await expect(driver.start(appId, callOptions())).rejects.toMatchObject(failure)
})
