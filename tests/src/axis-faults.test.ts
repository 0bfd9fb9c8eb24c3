import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildEap } from '@ocelli/app-package/testing'
import { createAxisCamera, type SimulatedAxisCamera } from '@ocelli/camera-sim'
import type { Device, Installation, LicenseQuantity } from '@ocelli/contract'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { buy, cameraPassword, type System, startSystem, untilOnline } from './system.ts'

const appId = 'Line_counter'
const pathOf = ({ deviceId }: SimulatedAxisCamera, app = appId) => `/software/v1/apps/${app}/devices/${deviceId}`
/** More than sockets hold, so that an upload that is cut had not left this machine whole. */
const packageBytes = 12_000_000
/** The app of the cameras whose faults take long to come to an end: they begin first and are looked at last. */
const slowApp = 'Slow_counter'
const login = { user: 'admin', password: cameraPassword }

let system: System
let folder: string
/** An older camera and a newer one: another architecture, another policy for signatures. */
let older: SimulatedAxisCamera
let newer: SimulatedAxisCamera
/** Behind a proxy that answers every upload with a page of its own: the gateway tries for 42 s before it gives up. */
let filtered: SimulatedAxisCamera
/** At the end of a line on which uploads break off. */
let cutOff: SimulatedAxisCamera
/** What the platform tells while they do. */
let whileCutOff: Promise<Installation>
/** Restarts in the middle of its first installation, and loses it. */
let restarting: SimulatedAxisCamera
/** Away: something that is no camera answers at its address. */
let displaced: SimulatedAxisCamera
let stranger: Server
const askedOfStranger: (string | undefined)[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-axis-'))
  const slowPackage = write('slow', { appId: slowApp, version: '1.0.0' })
  const others = [write('old', { appId, version: '1.0.0', architecture: 'armv7hf' }), writeNew('1.0.0')]
  // a camera is told to be away when it has not answered three times
  system = await startSystem({ probeSeconds: 5 })
  const modern = { ...login, os: '12', architecture: 'aarch64' } as const
  older = await createAxisCamera({ ...login, serialNumber: '00408C100001', os: '9.80', architecture: 'armv7hf' })
  newer = await createAxisCamera({ ...modern, serialNumber: 'B8A44F100002' })
  filtered = await createAxisCamera({ ...modern, serialNumber: 'B8A44F100003' })
  displaced = await createAxisCamera({ ...modern, serialNumber: 'B8A44F100004' })
  restarting = await createAxisCamera({ ...modern, serialNumber: 'B8A44F100005' })
  cutOff = await createAxisCamera({ ...modern, serialNumber: 'B8A44F100006' })

  await publish(await slowPackage)
  await buy(system, slowApp, 4)
  await claim(filtered)
  filtered.setFault('htmlReply', ['upload'])
  await wish(filtered)
  await Promise.all([claim(cutOff), claim(restarting), claim(displaced)])
  cutOff.setFault('dropUploadAfterBytes', 100_000)
  await wish(cutOff)
  whileCutOff = holdAfterTwoUploads(cutOff)
  // its own test says what went wrong with it
  whileCutOff.catch(() => undefined)
  restarting.setFault('rebootDuring', { step: 'install', downMs: 500, inFlight: 'lost' })
  await wish(restarting)
  stranger = await replaceByStranger(displaced)
  await wish(displaced, '?whenOffline=queue')

  await Promise.all([claim(older), claim(newer)])
  for (const path of others) await publish(await path)
  await buy(system, appId, 2)
})

async function write(name: string, eap: Parameters<typeof buildEap>[0]): Promise<string> {
  const path = join(folder, `${name}.eap`)
  await writeFile(path, await buildEap({ signed: true, padBytes: packageBytes, ...eap }))
  return path
}
const writeNew = (version: string) => write(`new-${version}`, { appId, version, architecture: 'aarch64' })

const publish = async (path: string) => expect(await system.upload(path)).toMatchObject({ status: 201 })

async function claim(camera: SimulatedAxisCamera): Promise<void> {
  await system.claim(camera)
  await untilOnline(system, camera.deviceId)
}

const wish = (camera: SimulatedAxisCamera, query = '') =>
  system.call('PUT', `${pathOf(camera, slowApp)}${query}`, { licenseType: 'FULL', start: true })

const uploadsTo = (camera: SimulatedAxisCamera) => camera.requests.filter(({ operation }) => operation === 'upload')

/** Lets the line hold once two uploads have broken off. Gives what the platform told before. */
async function holdAfterTwoUploads(camera: SimulatedAxisCamera): Promise<Installation> {
  await vi.waitFor(() => expect(uploadsTo(camera).length).toBeGreaterThanOrEqual(2), { timeout: 60_000 })
  const told = await system.installation(slowApp, camera.deviceId)
  expect(camera.apps()).toEqual([])
  camera.clearFaults()
  return told
}

/** Something else takes the camera's address and port, as after a change of leases: it answers every question with a page. */
async function replaceByStranger(camera: SimulatedAxisCamera): Promise<Server> {
  const { port } = camera
  await camera.close()
  const server = createServer((request, response) => {
    askedOfStranger.push(request.headers.authorization)
    response.setHeader('Content-Type', 'text/html').end('<!DOCTYPE html><html><body>Printer</body></html>')
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
afterEach(() => newer.clearFaults())
afterAll(async () => {
  stranger?.close()
  for (const camera of [older, newer, filtered, displaced, restarting, cutOff]) await camera?.close()
  await system?.close()
  await rm(folder, { recursive: true, force: true })
})

async function units(app = appId): Promise<{ used: number; free: number }> {
  const { body } = await system.call<LicenseQuantity[]>('GET', `/license/v1/licensequantities/apps/${app}`)
  return { used: body[0]?.used ?? Number.NaN, free: body[0]?.free ?? Number.NaN }
}

async function ask(
  camera: SimulatedAxisCamera,
  [method, rest = '']: [method: string, rest?: string],
  body?: object,
): Promise<Installation> {
  const answer = await system.call(method, `${pathOf(camera)}${rest}`, body)
  expect(answer.status).toBeLessThan(300)
  return system.settled(appId, camera.deviceId, { timeoutMs: 90_000 })
}
const install = (camera: SimulatedAxisCamera) => ask(camera, ['PUT'], { licenseType: 'FULL', start: true })

const faults: [name: string, break_: (camera: SimulatedAxisCamera) => void, error: object][] = [
  [
    'has no room left',
    (camera) => camera.setFault('flashFull', true),
    { category: 'refused-by-device', code: 'storage-full', deviceCode: 'Error: 3', retryable: false },
  ],
  [
    'believes no signature',
    (camera) => camera.setFault('signatureRefused', true),
    { category: 'refused-by-device', code: 'signature-refused', deviceCode: 'Error: 2', retryable: false },
  ],
]

test.for(faults)(
  'a camera that %s ends in a clear state, gives the unit back, and a retry later succeeds',
  async ([, break_, error]) => {
    break_(newer)
    expect(await install(newer)).toMatchObject({ installationState: 'INSTALLATION_FAILED', error })
    expect(newer.apps()).toEqual([])
    await expect.poll(() => units(), { timeout: 20_000 }).toEqual({ used: 0, free: 2 })

    newer.clearFaults()
    expect(await install(newer)).toMatchObject({ installationState: 'INSTALLED', runningState: 'RUNNING', error: null })
    expect(await units()).toEqual({ used: 1, free: 1 })
    expect(await ask(newer, ['DELETE'])).toMatchObject({ installationState: 'NOT_INSTALLED' })
    expect(await units()).toEqual({ used: 0, free: 2 })
  },
)

test('the web page of a proxy with status 200 is no installation, and a later try of the gateway succeeds', async () => {
  newer.setFault('htmlReply', ['upload'])
  newer.clearRequests()
  const installing = install(newer)
  const uploads = () => uploadsTo(newer).filter(({ status }) => status === 200)
  await expect.poll(() => uploads().length, { timeout: 30_000 }).toBe(1)
  expect(newer.apps()).toEqual([])
  newer.clearFaults()
  expect(await installing).toMatchObject({ installationState: 'INSTALLED', runningState: 'RUNNING', error: null })
  expect(uploads()).toHaveLength(2)
  expect(await ask(newer, ['DELETE'])).toMatchObject({ installationState: 'NOT_INSTALLED' })
  expect(await units()).toEqual({ used: 0, free: 2 })
})

test('each camera gets the package of its own architecture', async () => {
  for (const camera of [newer, older]) {
    expect(await install(camera)).toMatchObject({ installationState: 'INSTALLED', installedVersion: '1.0.0' })
  }
  // AXIS OS 9 writes the third number behind a dash
  expect(older.apps()).toMatchObject([{ appId, version: '1.0-0' }])
  expect(await units()).toEqual({ used: 2, free: 0 })
})

test('an update that is out for one architecture is offered to its cameras alone', async () => {
  await publish(await writeNew('1.1.0'))
  expect(await system.installation(appId, newer.deviceId)).toMatchObject({ updatable: true, latestVersion: '1.1.0' })
  expect(await system.installation(appId, older.deviceId)).toMatchObject({ updatable: false, latestVersion: '1.0.0' })
  expect(await ask(newer, ['POST'])).toMatchObject({ installationState: 'INSTALLED', installedVersion: '1.1.0' })
})

test('an app is stopped and started', async () => {
  expect(await ask(older, ['POST', '/state/NOT_RUNNING'])).toMatchObject({ runningState: 'NOT_RUNNING' })
  expect(older.apps()).toMatchObject([{ state: 'Stopped' }])
  expect(await ask(older, ['POST', '/state/RUNNING'])).toMatchObject({ runningState: 'RUNNING' })
})

test('a password that was changed under us is told, locks nobody out, and the new one carries the wish out', async () => {
  for (const camera of [older, newer]) await install(camera)
  newer.setCredentials({ user: 'admin', password: 'another' })
  const failed = await ask(newer, ['DELETE'])
  expect(failed).toMatchObject({
    installationState: 'UNINSTALL_FAILED',
    error: { category: 'credentials-refused', code: 'credentials-refused' },
  })
  expect(newer.refusedLogins).toBeLessThanOrEqual(2)
  expect(newer.isLockedOut).toBe(false)
  await system.claim(newer, 'another')
  // the gateway takes the new password up when it next looks at its cameras
  const remove = async () => (await ask(newer, ['DELETE'])).installationState
  await expect.poll(remove, { timeout: 60_000, interval: 500 }).toBe('NOT_INSTALLED')
  expect(newer.refusedLogins).toBeLessThanOrEqual(2)
  expect(newer.apps()).toEqual([])
  expect(await ask(older, ['DELETE'])).toMatchObject({ installationState: 'NOT_INSTALLED' })
  expect(await units()).toEqual({ used: 0, free: 2 })
})

test('an upload that breaks off is told while it is tried again, and succeeds once the line holds', async () => {
  expect(await whileCutOff).toMatchObject({
    ...{ settled: false, installationState: 'INSTALLING', progress: { step: 'UPLOAD' } },
  })
  const installed = await system.settled(slowApp, cutOff.deviceId)
  expect(installed).toMatchObject({ installationState: 'INSTALLED', runningState: 'RUNNING', error: null })
  expect(await system.call('DELETE', pathOf(cutOff, slowApp))).toMatchObject({ status: 202 })
  expect(await system.settled(slowApp, cutOff.deviceId)).toMatchObject({ installationState: 'NOT_INSTALLED' })
})

test('a camera that restarts in the middle of an installation is waited for, and has the app in the end', async () => {
  const installed = await system.settled(slowApp, restarting.deviceId, { timeoutMs: 180_000 })
  expect(installed).toMatchObject({ installationState: 'INSTALLED', runningState: 'RUNNING', error: null })
  expect(restarting.reboots).toBe(1)
  expect(restarting.apps()).toMatchObject([{ appId: slowApp }])
}, 200_000)

test('what answers and is no camera gets no password, the camera counts as away, and the wish is carried out when it is back', async () => {
  const device = () => system.call<Device>('GET', `/device/v1/devices/${displaced.deviceId}`)
  const connectivity = async () => (await device()).body.connectivity
  await expect.poll(connectivity, { timeout: 240_000, interval: 1_000 }).toBe('OFFLINE')
  expect((await device()).body.connectivityReason).toBe('unreachable')
  expect(await system.installation(slowApp, displaced.deviceId)).toMatchObject({
    ...{ installationState: 'PENDING', settled: false, error: null },
  })
  expect(askedOfStranger.length).toBeGreaterThan(0)
  expect(askedOfStranger.filter((login) => login !== undefined && !/^digest /i.test(login))).toEqual([])

  const { port } = displaced
  stranger.closeAllConnections()
  stranger.close()
  await once(stranger, 'close')
  const { deviceId: serialNumber } = displaced
  displaced = await createAxisCamera({ ...login, serialNumber, os: '12', architecture: 'aarch64', port })
  const installed = await system.settled(slowApp, displaced.deviceId, { timeoutMs: 180_000 })
  expect(installed).toMatchObject({ installationState: 'INSTALLED', runningState: 'RUNNING', error: null })
}, 450_000)

test('the page of a proxy, for as long as it comes, ends as a fault of the network, gives the unit back, and a retry succeeds', async () => {
  const until = ({ error }: Installation) => error !== null
  const failed = await system.settled(slowApp, filtered.deviceId, { timeoutMs: 280_000, until })
  expect(failed).toMatchObject({
    installationState: 'INSTALLATION_FAILED',
    error: { category: 'network', code: 'bad-reply', retryable: true, detail: expect.stringContaining('web page') },
  })
  expect(filtered.apps()).toEqual([])
  // one unit is the displaced camera's, one that of the camera that restarted
  await expect.poll(() => units(slowApp), { timeout: 20_000 }).toEqual({ used: 2, free: 2 })
  filtered.clearFaults()
  expect(await wish(filtered)).toMatchObject({ status: 202 })
  const installed = await system.settled(slowApp, filtered.deviceId)
  expect(installed).toMatchObject({ installationState: 'INSTALLED', runningState: 'RUNNING', error: null })
}, 300_000)
