import { expect, test } from 'vitest'
import type { SimulatedCamera } from '../src/index.ts'
import { all, call, readReply, send, sendWithDigest, soapRequest, soapType, textsOf } from './raw-client.ts'
import { install, startCamera, until, upload } from './test-camera.ts'

const time = soapRequest('tds', '<tds:GetSystemDateAndTime/>')
const getServices = '<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>'
const activate = '<ans:Activate><AppID>app.one</AppID></ans:Activate>'
const isAnswered = async (camera: SimulatedCamera) => (await send(camera, time)).status === 200

test('a slow camera answers late, and in time again when the fault is cleared', async () => {
  const camera = await startCamera()
  camera.setFault('slowMs', 400)
  const startMs = performance.now()
  expect(await isAnswered(camera)).toBe(true)
  expect(performance.now() - startMs).toBeGreaterThan(395)
  camera.clearFaults()
  const againMs = performance.now()
  await send(camera, time)
  expect(performance.now() - againMs).toBeLessThan(395)
})

test('the nth request is cut, once', async () => {
  const camera = await startCamera()
  camera.setFault('dropRequest', 2)
  expect(await isAnswered(camera)).toBe(true)
  await expect(send(camera, time)).rejects.toThrow()
  expect(await isAnswered(camera)).toBe(true)
})

test('a dropped reply leaves the operation done', async () => {
  const camera = await startCamera({ licenseRequired: 'none' })
  camera.installApp({ appId: 'app.one' })
  camera.setFault('dropReply', ['Activate'])
  await expect(call(camera, 'ans', activate)).rejects.toThrow()
  expect(camera.apps()).toMatchObject([{ state: 'Active' }])
  expect(await isAnswered(camera)).toBe(true)
})

test('an upload is cut after some bytes, and nothing is installed', async () => {
  const camera = await startCamera()
  camera.setFault('dropUploadAfterBytes', 100_000)
  await expect(upload(camera, { padding: 'x'.repeat(400_000) })).rejects.toThrow()
  expect(camera.apps()).toEqual([])
  expect((await upload(camera, { padding: 'x'.repeat(50_000) })).status).toBe(200)
})

test.each([400, 403, 500, 507])('uploads are refused with %s', async (status) => {
  const camera = await startCamera()
  camera.setFault('refuseUpload', status)
  expect((await upload(camera, {})).status).toBe(status)
  expect(camera.apps()).toEqual([])
})

test('an installation that fails leaves no app, an update that fails the old version with the Status', async () => {
  const camera = await startCamera()
  camera.setFault('failInstall', 'no space')
  await install(camera, {})
  expect(camera.apps()).toEqual([])
  camera.clearFault('failInstall')
  await install(camera, {})
  camera.setFault('failInstall', 'no space')
  await install(camera, { versionCode: 2 })
  expect(camera.apps()).toMatchObject([{ version: '1.0', state: 'Inactive', status: 'no space' }])
})

test.each(['upload', 'install'] as const)('a reboot during %s loses the installation', async (step) => {
  const camera = await startCamera({ installMs: 40 })
  camera.setFault('rebootDuring', { step, downMs: 20 })
  const back = new Promise<void>((resolve) => camera.onUp(resolve))
  if (step === 'upload') await expect(upload(camera, { padding: 'x'.repeat(500_000) })).rejects.toThrow()
  else expect((await upload(camera, {})).status).toBe(200)
  await back
  expect(camera.apps()).toEqual([])
  await install(camera, {})
  expect([camera.apps()[0]?.state, camera.reboots]).toEqual(['Inactive', 1])
})

test('a reboot during an update brings the old version back, and one during Activate leaves the app Inactive', async () => {
  const camera = await startCamera({ licenseRequired: 'none' })
  await install(camera, {})
  camera.setFault('rebootDuring', { step: 'install', downMs: 0 })
  const back = () => new Promise<void>((resolve) => camera.onUp(resolve))
  const first = back()
  await upload(camera, { versionCode: 2 })
  await first
  expect(camera.apps()).toMatchObject([{ version: '1.0', state: 'Inactive' }])
  camera.setFault('rebootDuring', { step: 'activate', downMs: 0 })
  const second = back()
  await expect(call(camera, 'ans', activate)).rejects.toThrow()
  await second
  expect(camera.apps()).toMatchObject([{ state: 'Inactive' }])
  expect((await call(camera, 'ans', activate)).status).toBe(200)
  await camera.reboot()
  expect(camera.apps()).toMatchObject([{ state: 'Active' }])
})

test('while it reboots nobody answers', async () => {
  const camera = await startCamera()
  const back = camera.reboot({ downMs: 100 })
  await until(() => !camera.isUp)
  const startMs = performance.now()
  await expect(send(camera, time)).rejects.toThrow()
  await back
  expect(performance.now() - startMs).toBeGreaterThan(70)
  expect(await isAnswered(camera)).toBe(true)
})

test('the clock is off, and GetSystemDateAndTime says so', async () => {
  const camera = await startCamera()
  camera.setFault('clockOffsetMs', 3_600_000)
  const reply = readReply(await send(camera, time))
  const hour = textsOf(all(reply.content, 'UTCDateTime')[0] ?? reply.content, 'Hour')[0]
  expect(Number(hour)).toBe(camera.now().getUTCHours())
  expect(camera.now().getTime() - Date.now()).toBeGreaterThan(3_599_000)
})

test('UTCDateTime can be missing, and the time can want a login', async () => {
  const camera = await startCamera()
  camera.setFault('utcDateTimeMissing', true)
  const { content } = readReply(await send(camera, time))
  expect([all(content, 'UTCDateTime').length, all(content, 'LocalDateTime').length]).toEqual([0, 1])
  camera.setFault('dateTimeNeedsAuthentication', true)
  expect((await send(camera, time)).status).toBe(401)
  expect((await sendWithDigest(camera, time)).status).toBe(200)
})

test('the way to log in can change', async () => {
  const camera = await startCamera()
  camera.setFault('auth', 'wsse')
  const request = soapRequest('tds', '<tds:GetScopes/>')
  expect((await send(camera, request)).status).toBe(400)
  camera.setFault('auth', 'digest-md5')
  expect((await send(camera, request)).challenges).toHaveLength(1)
  camera.setFault('challengeShape', { qop: 'auth,auth-int', algorithm: 'absent' })
  expect((await send(camera, request)).challenges[0]).toMatch(/^Digest realm=.*qop="auth,auth-int"/)
})

test.each([
  ['private', 'http://10.255.255.1/onvif/appmgmt'],
  ['loopback', 'http://127.0.0.1:9/onvif/appmgmt'],
  ['garbage', 'ht!tp://[not an address/onvif/appmgmt'],
  ['path-only', '/onvif/appmgmt'],
] as const)('the address is wrong: %s', async (xaddr, address) => {
  const camera = await startCamera()
  camera.setFault('xaddr', xaddr)
  expect(textsOf((await call(camera, 'tds', getServices)).content, 'XAddr')).toContain(address)
})

test('there are no events, or none that tell anything', async () => {
  const camera = await startCamera()
  camera.setFault('silentEvents', true)
  camera.installApp({ appId: 'a' })
  const created = await call(camera, 'tev', '<tev:CreatePullPointSubscription/>')
  const path = new URL(textsOf(created.content, 'Address')[0] ?? '').pathname
  const body =
    '<tev:PullMessages><tev:Timeout>PT0.05S</tev:Timeout><tev:MessageLimit>9</tev:MessageLimit></tev:PullMessages>'
  expect(all((await call(camera, 'tev', body, path)).content, 'NotificationMessage')).toEqual([])
  camera.setFault('noEvents', true)
  expect((await sendWithDigest(camera, soapRequest('tev', '<tev:GetEventProperties/>'))).status).toBe(404)
  expect(textsOf((await call(camera, 'tds', getServices)).content, 'Namespace')).toHaveLength(2)
})

test('another camera answers at the same address', async () => {
  const camera = await startCamera()
  camera.setFault('deviceId', 'other')
  expect(textsOf((await call(camera, 'ans', '<ans:GetDeviceId/>')).content, 'DeviceId')).toEqual(['other'])
  camera.clearFaults()
  expect(camera.deviceId).toBe('cam-1')
})

test('a web page comes instead of a reply, for the operations named', async () => {
  const camera = await startCamera()
  camera.setFault('htmlReply', ['GetSystemDateAndTime'])
  const reply = await send(camera, time)
  expect([reply.status, reply.headers['content-type']]).toEqual([200, 'text/html'])
  expect((await call(camera, 'tds', '<tds:GetScopes/>')).status).toBe(200)
})

test('a reply is broken off, or huge', async () => {
  const camera = await startCamera()
  camera.setFault('malformedXml', true)
  expect((await send(camera, time)).body).not.toContain('</env:Envelope>')
  camera.clearFaults()
  camera.setFault('hugeReplyBytes', 3_000_000)
  expect((await send(camera, time)).body.length).toBeGreaterThan(2_999_000)
})

test('a started app falls back', async () => {
  const camera = await startCamera({ licenseRequired: 'none' })
  camera.installApp({ appId: 'app.one' })
  camera.setFault('appFallsBackMs', 20)
  expect((await call(camera, 'ans', activate)).status).toBe(200)
  await until(() => camera.apps()[0]?.state === 'Inactive')
  expect(camera.apps()[0]?.status).not.toBe('')
})

test('an app is never gone', async () => {
  const camera = await startCamera()
  camera.installApp({ appId: 'app.one' })
  camera.setFault('uninstallNeverFinishes', true)
  expect((await call(camera, 'ans', '<ans:Uninstall><AppID>app.one</AppID></ans:Uninstall>')).status).toBe(200)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(camera.apps()).toMatchObject([{ state: 'Uninstalling' }])
  camera.clearFaults()
  await call(camera, 'ans', '<ans:Uninstall><AppID>app.one</AppID></ans:Uninstall>')
  await expect.poll(() => camera.apps(), { timeout: 10_000 }).toEqual([])
})

test('connections are closed after each reply', async () => {
  const camera = await startCamera()
  const keep = { ...time, headers: { ...time.headers, Connection: 'keep-alive' } }
  expect((await send(camera, keep)).headers.connection).toBe('keep-alive')
  camera.setFault('noKeepAlive', true)
  expect((await send(camera, keep)).headers.connection).toBe('close')
})

test('the action parameter is required, or refused', async () => {
  const camera = await startCamera()
  const withAction = { ...time, headers: { 'Content-Type': `${soapType}; action="urn:x"` } }
  const statuses = async () => [(await send(camera, time)).status, (await send(camera, withAction)).status]
  expect(await statuses()).toEqual([200, 200])
  camera.setFault('actionParameter', 'required')
  expect(await statuses()).toEqual([415, 200])
  camera.setFault('actionParameter', 'refused')
  expect(await statuses()).toEqual([200, 415])
})

test('faults come with 200, operations fail, GetServices is not there', async () => {
  const camera = await startCamera()
  camera.setFault('noGetServices', true)
  expect((await call(camera, 'tds', getServices)).fault).toBe('Receiver ter:ActionNotSupported')
  camera.setFault('faultStatus', 200)
  expect((await call(camera, 'tds', getServices)).status).toBe(200)
  camera.setFault('failOperation', { operations: ['GetScopes'], reason: 'out of order' })
  expect((await call(camera, 'tds', '<tds:GetScopes/>')).reason).toBe('out of order')
})
