import { buildEap } from '@ocelli/app-package/testing'
import { expect, test } from 'vitest'
import { type AxisLicenseKey, type SimulatedAxisCamera, writeAxisLicenseKey } from '../src/index.ts'
import { axisFetch, control, listApps, root, serialNumber, startAxis, uploadBytes, uploadEap } from './axis-client.ts'
import { createIssuer } from './test-camera.ts'

async function uploadKey(camera: SimulatedAxisCamera, text: string, name = 'hello_world'): Promise<string> {
  const form = new FormData()
  form.append('licenseKey', new Blob([text], { type: 'application/octet-stream' }), 'key.xml')
  const path = `/axis-cgi/applications/license.cgi?action=uploadlicensekey&package=${name}`
  return (await axisFetch(camera, path, { body: form })).text.trim()
}

const key = (more: Partial<AxisLicenseKey> = {}) =>
  writeAxisLicenseKey({ applicationId: '415129', deviceId: serialNumber, ...more })

test('a license key is taken, shown with its end, and removed', async () => {
  const camera = await startAxis()
  await uploadEap(camera, { copyProtection: 'axis', axisAppId: '415129' })
  expect(await listApps(camera)).toContain('ApplicationID="415129" License="Missing"')
  expect(await uploadKey(camera, key({ expires: '2099-12-31' }))).toBe('OK')
  expect(await listApps(camera)).toContain('License="Valid" LicenseExpirationDate="2099-12-31"')
  const remove = '/axis-cgi/applications/license.cgi?action=removelicensekey&package=hello_world'
  expect((await axisFetch(camera, remove)).text).toBe('OK\n')
  expect((await axisFetch(camera, remove)).text).toBe('Error: 23\n')
  expect(camera.apps()).toMatchObject([{ license: 'Missing', licenseExpires: null }])
})

test.each([
  ['no key', 'hello', 'Error: 21'],
  ['a changed key', key({ maxVersion: '9.9' }).replace('>9<', '>8<'), 'Error: 21'],
  ['a key for another app', key({ applicationId: '1' }), 'Error: 25'],
  ['a key for a later version', key({ minVersion: '2.0' }), 'Error: 26'],
  ['a key for an earlier version', key({ maxVersion: '0.9' }), 'Error: 26'],
  ['a key for another camera', key({ deviceId: 'ACCC8E000002' }), 'Error: 30'],
  ['an expired key', key({ expires: '2020-01-01' }), 'Error: 31'],
])('%s has a code of its own', async (_what, text, answer) => {
  const camera = await startAxis()
  await uploadEap(camera, { copyProtection: 'axis', axisAppId: '415129' })
  expect(await uploadKey(camera, text)).toBe(answer)
  expect(await uploadKey(camera, text, 'other')).toBe('Error: 24')
})

test('a key that runs out makes the license invalid; an app without one ends soon after its start', async () => {
  const camera = await startAxis()
  await uploadEap(camera, { copyProtection: 'axis', axisAppId: '415129' })
  await uploadKey(camera, key({ expires: '2099-12-31' }))
  camera.setFault('clockOffsetMs', 100 * 365 * 86_400_000)
  expect(camera.apps()).toMatchObject([{ license: 'Invalid' }])
  expect(await control(camera, 'start')).toBe('OK')
  await expect.poll(() => camera.apps()[0]?.state, { timeout: 10_000 }).toBe('Stopped')
  const log = await axisFetch(camera, '/axis-cgi/admin/systemlog.cgi?appname=hello_world')
  expect(log.text).toMatch(/^----- Contents of SYSTEM_LOG for 'hello_world' -----\n.*started\n.*license invalid\n$/)
})

test('the licenses of apps with their own protection, and with none, are no business of the camera', async () => {
  const camera = await startAxis()
  await uploadEap(camera, { copyProtection: 'custom' })
  await uploadEap(camera, { appId: 'free' })
  expect(camera.apps().map(({ license }) => license)).toEqual(['Custom', 'None'])
})

test('an app with a protection of its own asks for a license of ours, in a parameter or posted to it', async () => {
  const { root: trusted, issue } = await createIssuer()
  const camera = await startAxis({ trust: [trusted] })
  const parameters = [{ name: 'License', default: '', type: 'string' }]
  await uploadEap(camera, { copyProtection: 'custom', parameters, httpPaths: ['api'] })
  const logOf = async (one: SimulatedAxisCamera) =>
    (await axisFetch(one, '/axis-cgi/admin/systemlog.cgi?appname=hello_world')).text
  await control(camera, 'start')
  await expect.poll(() => camera.apps()[0]?.state, { timeout: 10_000 }).toBe('Stopped')
  const path = '/local/hello_world/api/license'
  const other = await issue({ app: 'hello_world', sub: 'ACCC8E000002' })
  expect(await axisFetch(camera, path, { body: other })).toMatchObject({ status: 400 })
  const license = await issue({ app: 'hello_world', sub: serialNumber })
  expect(await axisFetch(camera, path, { body: license })).toMatchObject({ status: 200, text: 'OK\n' })
  expect(camera.apps()[0]?.received).toEqual({ 'api/license': license })
  await control(camera, 'start')
  await expect.poll(() => logOf(camera), { timeout: 10_000 }).toContain('license accepted')
  expect(camera.apps()[0]?.state).toBe('Running')
  expect((await axisFetch(camera, '/local/hello_world/other', { body: license })).status).toBe(404)

  const second = await startAxis({ trust: [trusted] })
  await uploadEap(second, { copyProtection: 'custom', parameters })
  const set = `/axis-cgi/param.cgi?action=update&root.Hello_world.License=${encodeURIComponent(license)}`
  expect((await axisFetch(second, set)).text).toBe('OK\n')
  await control(second, 'start')
  await expect.poll(() => logOf(second), { timeout: 10_000 }).toContain('license accepted')
  expect(second.apps()).toMatchObject([{ state: 'Running', license: 'Custom' }])
})

test('a reply of unknown outcome leaves the app installed or not', async () => {
  const camera = await startAxis()
  camera.setFault('uploadOutcomeUnknown', 'lost')
  expect([await uploadEap(camera), camera.apps()]).toEqual(['Error: 15', []])
  camera.setFault('uploadOutcomeUnknown', 'installed')
  expect([await uploadEap(camera), camera.apps().length]).toEqual(['Error: 15', 1])
})

test.each([
  ['flashFull', true, 'Error: 3'],
  ['uploadBusy', true, 'Error: 12'],
  ['failInstall', 'broken', 'Error: 10'],
  ['cgiError', { operations: ['upload'], code: 29 }, 'Error: 29'],
] as const)('%s is over when it is cleared', async (name, value, answer) => {
  const camera = await startAxis()
  camera.setFault(name, value)
  expect([await uploadEap(camera), camera.apps()]).toEqual([answer, []])
  camera.clearFault(name)
  expect(await uploadEap(camera)).toBe('OK')
})

test('a signature that the camera does not believe is refused where signatures count', async () => {
  const camera = await startAxis({ os: '12' })
  camera.setFault('signatureRefused', true)
  expect(await uploadEap(camera, { signed: true })).toBe('Error: 2')
})

test('an upload that is cut leaves nothing, and the next one is taken', async () => {
  const camera = await startAxis()
  const bytes = await buildEap({ appId: 'hello_world', padBytes: 300_000 })
  camera.setFault('dropUploadAfterBytes', 100_000)
  await expect(uploadBytes(camera, bytes)).rejects.toThrow()
  camera.clearFaults()
  await expect.poll(() => uploadBytes(camera, bytes), { timeout: 10_000 }).toBe('OK')
})

test.each(['lost', 'completed'] as const)('a reboot in the middle of installing: the app is %s', async (inFlight) => {
  const camera = await startAxis()
  camera.setFault('rebootDuring', { step: 'install', downMs: 10, inFlight })
  await expect(uploadEap(camera)).rejects.toThrow()
  await expect.poll(() => camera.isUp && camera.reboots === 1, { timeout: 10_000 }).toBe(true)
  expect(camera.apps()).toHaveLength(inFlight === 'completed' ? 1 : 0)
  expect(await uploadEap(camera)).toBe('OK')
})

test('a page of a proxy, half a reply, none at all, and a slow one', async () => {
  const camera = await startAxis()
  camera.setFault('htmlReply', ['list'])
  expect(await axisFetch(camera, '/axis-cgi/applications/list.cgi')).toMatchObject({ status: 200, type: 'text/html' })
  camera.clearFaults()
  camera.setFault('malformedXml', true)
  expect(await listApps(camera)).toBe('<reply result=')
  camera.clearFaults()
  camera.setFault('dropReply', ['control'])
  await uploadEap(camera)
  await expect(control(camera, 'start')).rejects.toThrow()
  expect(camera.apps()).toMatchObject([{ state: 'Running' }])
  camera.clearFaults()
  camera.setFault('slowMs', 150)
  const startedAt = performance.now()
  await listApps(camera)
  expect(performance.now() - startedAt).toBeGreaterThan(290)
})

test('an app that falls back is stopped, and says so in its log', async () => {
  const camera = await startAxis()
  await uploadEap(camera)
  camera.setFault('appFallsBackMs', 10)
  expect(await control(camera, 'start')).toBe('OK')
  await expect.poll(() => camera.apps()[0]?.state, { timeout: 10_000 }).toBe('Stopped')
  const log = await axisFetch(camera, '/axis-cgi/admin/systemlog.cgi?appname=hello_world')
  expect(log.text).toContain('ended with exit code 1')
})

test('another password and another camera at the address', async () => {
  const camera = await startAxis()
  camera.setCredentials({ user: 'root', password: 'changed' })
  expect((await axisFetch(camera, '/axis-cgi/applications/list.cgi')).status).toBe(401)
  const login = { ...root, password: 'changed' }
  expect((await axisFetch(camera, '/axis-cgi/applications/list.cgi', { login })).status).toBe(200)
  camera.setDeviceId('ACCC8E000009')
  const challenge = await fetch(`${camera.url}/axis-cgi/applications/list.cgi`)
  expect(challenge.headers.get('www-authenticate')).toContain('realm="AXIS_ACCC8E000009"')
  await challenge.text()
})
