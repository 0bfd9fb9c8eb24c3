import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { readApkPackage } from '../src/apps/read-apk-package.ts'
import { admin, answerChallenge, send, sendWithDigest } from './raw-client.ts'
import { install, startCamera, until, upload, uploadRequest } from './test-camera.ts'

test('without credentials nothing is taken, and with those of an operator neither', async () => {
  const camera = await startCamera({ users: [{ username: 'op', password: 'pw', level: 'Operator' }] })
  expect((await send(camera, uploadRequest('{}'))).status).toBe(401)
  const login = { user: 'op', password: 'pw' }
  expect((await sendWithDigest(camera, uploadRequest('{}'), { login })).status).toBe(401)
  expect([camera.apps(), camera.writes]).toEqual([[], 0])
})

test.each([
  ['a type that is not supported', { 'Content-Type': 'multipart/form-data' }, 415],
  ['no type', { 'Content-Type': '' }, 415],
  ['more than the camera takes', { 'Content-Length': '2000', Expect: '100-continue' }, 413],
  ['more than there is room for', { 'Content-Length': '900', Expect: '100-continue' }, 507],
])('%s is refused', async (_what, headers, status) => {
  const camera = await startCamera({ maxPackageBytes: 1000, freeBytes: 800 })
  const body = 'Expect' in headers ? ' '.repeat(Number(headers['Content-Length'])) : '{}'
  expect((await sendWithDigest(camera, uploadRequest(body, headers))).status).toBe(status)
  expect(camera.apps()).toEqual([])
})

test('chunked transfer is refused with 411', async () => {
  const camera = await startCamera()
  const headers = { 'Content-Type': 'application/octet-stream', 'Transfer-Encoding': 'chunked' }
  const reply = await sendWithDigest(camera, { path: '/onvif/app_upload', headers, body: '{}' })
  expect(reply.status).toBe(411)
})

test('anything but POST is refused with 405', async () => {
  const camera = await startCamera()
  expect((await send(camera, { path: '/onvif/app_upload', method: 'GET' })).status).toBe(405)
})

test('a package that comes too slowly is answered with 408', async () => {
  const camera = await startCamera({ uploadTimeoutMs: 60 })
  const { challenges } = await send(camera, uploadRequest(''))
  const parts = { ...admin, method: 'POST', uri: '/onvif/app_upload' }
  const socket = connect(camera.port, '127.0.0.1')
  socket.write(
    `POST /onvif/app_upload HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 100\r\n` +
      `Authorization: ${answerChallenge(challenges[0] ?? '', parts)}\r\n\r\n{"appId"`,
  )
  expect(await text(socket)).toMatch(/^HTTP\/1.1 408 /)
  expect(camera.apps()).toEqual([])
})

test('no file is left, whatever became of the package', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'camera-uploads-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const camera = await startCamera({ temporaryFolder: folder })
  camera.setFault('lateIdentificationMs', 200)
  await upload(camera, {})
  expect(await readdir(folder)).toHaveLength(1)
  camera.clearFaults()
  await sendWithDigest(camera, uploadRequest('no package'))
  camera.setFault('dropUploadAfterBytes', 1)
  await expect(upload(camera, {})).rejects.toThrow()
  await expect.poll(() => readdir(folder), { timeout: 5000 }).toEqual([])
})

test('a file that is no package is received and then fails, which only an event tells', async () => {
  const camera = await startCamera()
  expect((await sendWithDigest(camera, uploadRequest('no package'))).status).toBe(200)
  expect(camera.apps()).toEqual([])
})

test('real packages of one maker update each other, and one of another maker does not', async () => {
  const camera = await startCamera({ readPackage: readApkPackage, licenseRequired: 'none' })
  const { resolve } = createRequire(import.meta.url)
  for (const code of [22, 24, 25]) {
    const folder = dirname(resolve(`android-apidemos-${code}/package.json`))
    const body = await readFile(join(folder, 'apks', 'ApiDemos-debug.apk'))
    const type = { 'Content-Type': 'application/vnd.android.package-archive' }
    expect((await sendWithDigest(camera, uploadRequest(body, type))).status).toBe(200)
    await until(() => camera.apps().every(({ state }) => state === 'Inactive'))
  }
  expect(camera.apps()).toMatchObject([{ appId: 'io.appium.android.apis', version: '4.1.1' }])
  expect(camera.apps()[0]?.status).toContain('another certificate')
})

test('a camera that cannot store the package says so', async () => {
  const camera = await startCamera({ temporaryFolder: '/nowhere' })
  const reply = await upload(camera, {})
  expect([reply.status, camera.apps()]).toEqual([500, []])
  expect(reply.body).toContain('ENOENT')
})

test('what is installed takes room, and removing it gives it back', async () => {
  const camera = await startCamera({ freeBytes: 1000 })
  const large = { padding: 'x'.repeat(500) }
  expect((await install(camera, { ...large, appId: 'app.one' })).status).toBe(200)
  expect((await install(camera, { ...large, appId: 'app.two' })).status).toBe(507)
  camera.removeApp('app.one')
  expect((await install(camera, { ...large, appId: 'app.two' })).status).toBe(200)
})
