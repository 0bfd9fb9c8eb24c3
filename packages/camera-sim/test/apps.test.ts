import { generateLicenseKey } from '@ocelli/license'
import { expect, test } from 'vitest'
import { all, call, textsOf } from './raw-client.ts'
import { createIssuer, install, startCamera, until, upload } from './test-camera.ts'

const on = (operation: string, appId = 'app.one') => `<ans:${operation}><AppID>${appId}</AppID></ans:${operation}>`
const license = (text: string, appId = 'app.one') =>
  `<ans:InstallLicense><AppID>${appId}</AppID><License>${text}</License></ans:InstallLicense>`

test('an app is installed, started, stopped and removed', async () => {
  const camera = await startCamera({ licenseRequired: 'none' })
  expect((await upload(camera, { versionName: '1.2.3' })).status).toBe(200)
  expect(camera.apps()).toMatchObject([{ appId: 'app.one', state: 'Installing' }])
  await until(() => camera.apps()[0]?.state === 'Inactive')
  expect((await call(camera, 'ans', on('Activate'))).status).toBe(200)
  expect(camera.apps()).toMatchObject([{ version: '1.2.3', state: 'Active', name: 'App One' }])
  expect((await call(camera, 'ans', on('Activate'))).status).toBe(200)
  expect((await call(camera, 'ans', on('Deactivate'))).status).toBe(200)
  expect(camera.apps()).toMatchObject([{ state: 'Inactive' }])
  expect((await call(camera, 'ans', on('Uninstall'))).status).toBe(200)
  await until(() => camera.apps().length === 0)
  expect((await call(camera, 'ans', on('Activate'))).fault).toBe('Sender ter:InvalidArgVal ter:UnknownId')
})

test('GetAppsInfo has the elements of the schema in its order, in no namespace', async () => {
  const { root, issue } = await createIssuer()
  const camera = await startCamera({ trust: [root] })
  await install(camera, {})
  await call(camera, 'ans', license(await issue({ typ: 'TRIAL', exp: 4_000_000_000 })))
  const { content } = await call(camera, 'ans', on('GetAppsInfo'))
  const info = content.children[0]
  const names = 'AppID Name Version Licenses InstallationDate LastUpdate State Status Autostart Website'
  expect(info?.children.map((child) => child.name).join(' ')).toBe(names)
  expect([info, ...(info?.children ?? [])].every((one) => one?.namespace === '')).toBe(true)
  expect(all(content, 'Licenses')[0]?.children.map((child) => child.text)).toEqual([
    'TRIAL lic-1',
    '2023-11-14T22:13:20Z',
    '2096-10-02T07:06:40Z',
  ])
  const installed = await call(camera, 'ans', '<ans:GetInstalledApps/>')
  expect(installed.content.children[0]?.children.map((child) => child.name)).toEqual(['Name', 'AppID'])
})

test.each([
  ['GetAppsInfo', 'Sender ter:InvalidArgVal ter:UnknownId'],
  ['Activate', 'Sender ter:InvalidArgVal ter:UnknownId'],
  ['Deactivate', 'Sender ter:InvalidArgVal ter:UnknownId'],
  ['Uninstall', 'Sender ter:InvalidArgVal ter:UnknownId'],
])('%s of an app that is not there is UnknownId', async (operation, fault) => {
  const camera = await startCamera()
  expect((await call(camera, 'ans', on(operation, 'nope'))).fault).toBe(fault)
})

test('qualified children are refused, or taken by a lenient camera', async () => {
  const body = '<ans:Activate><ans:AppID>app.one</ans:AppID></ans:Activate>'
  const strict = await startCamera()
  strict.installApp({ appId: 'app.one' })
  expect((await call(strict, 'ans', body)).fault).toBe('Sender ter:TagMismatch')
  const leaked = '<Activate xmlns="http://www.onvif.org/ver10/appmgmt/wsdl"><AppID>app.one</AppID></Activate>'
  expect((await call(strict, 'ans', leaked)).fault).toBe('Sender ter:TagMismatch')
  const lenient = await startCamera({ lenient: true, licenseRequired: 'none' })
  lenient.installApp({ appId: 'app.one' })
  expect((await call(lenient, 'ans', body)).fault).toBe(null)
})

test.each([
  ['Activate', 'Installing'],
  ['Deactivate', 'Installing'],
  ['Uninstall', 'Installing'],
])('%s while the app is %s is not possible', async (operation) => {
  const camera = await startCamera()
  camera.setFault('installNeverFinishes', true)
  await upload(camera, {})
  const reply = await call(camera, 'ans', on(operation))
  expect([reply.status, reply.fault]).toEqual([500, 'Receiver ter:Action'])
  expect((await upload(camera, {})).status).toBe(503)
})

test('an app does not start without a license, and says so', async () => {
  const { root, issue } = await createIssuer()
  const camera = await startCamera({ trust: [root] })
  await install(camera, {})
  const refused = await call(camera, 'ans', on('Activate'))
  expect([refused.status, refused.fault]).toEqual([500, 'Receiver ter:Action'])
  expect(refused.reason).toContain('no license')
  expect((await call(camera, 'ans', license(await issue()))).fault).toBe(null)
  expect(camera.apps()[0]?.licenses).toEqual([{ licenseId: 'lic-1', licenseType: 'FULL', validUntil: null }])
  expect((await call(camera, 'ans', on('Activate'))).fault).toBe(null)
})

test('licenses can be wanted of some apps only', async () => {
  const camera = await startCamera({ licenseRequired: ['app.two'] })
  camera.installApp({ appId: 'app.one' })
  camera.installApp({ appId: 'app.two' })
  expect((await call(camera, 'ans', on('Activate'))).fault).toBe(null)
  expect((await call(camera, 'ans', on('Activate', 'app.two'))).fault).toBe('Receiver ter:Action')
})

test('an app that a technician put there running goes on running, whatever becomes of the camera', async () => {
  const camera = await startCamera({ licenseRequired: 'all' })
  camera.installApp({ appId: 'app.foreign', state: 'Active' })
  await camera.reboot()
  camera.setFault('clockOffsetMs', 3_600_000)
  camera.clearFaults()
  await call(camera, 'ans', '<ans:GetInstalledApps/>')
  expect(camera.apps()).toMatchObject([{ appId: 'app.foreign', state: 'Active' }])
})

test.each([
  ['another camera', { sub: 'cam-9' }, 'other-device'],
  ['another app', { app: 'app.two' }, 'other-app'],
  ['a time that is over', { typ: 'TRIAL', exp: 1_700_000_001 }, 'expired'],
] as const)('a license for %s is refused with the reason', async (_what, claims, reason) => {
  const { root, issue } = await createIssuer()
  const camera = await startCamera({ trust: [root] })
  camera.installApp({ appId: 'app.one' })
  const reply = await call(camera, 'ans', license(await issue(claims)))
  expect([reply.status, reply.fault]).toEqual([400, 'Sender ter:InvalidArgVal ter:InvalidFormat'])
  expect(reply.reason).toContain(reason)
  expect(camera.apps()[0]?.licenses).toEqual([])
})

test('a license of an unknown key, a damaged one, one without AppID and one for no app are refused', async () => {
  const { issue } = await createIssuer()
  const stranger = await generateLicenseKey()
  const camera = await startCamera({ trust: [stranger.publicKey] })
  camera.installApp({ appId: 'app.one' })
  expect((await call(camera, 'ans', license(await issue()))).reason).toContain('unknown-key')
  expect((await call(camera, 'ans', license('abc'))).reason).toContain('damaged')
  const device = await call(camera, 'ans', '<ans:InstallLicense><License>x</License></ans:InstallLicense>')
  expect(device.fault).toBe('Sender ter:InvalidArgVal ter:InvalidFormat')
  expect((await call(camera, 'ans', license('x', 'nope'))).fault).toBe('Sender ter:InvalidArgVal ter:UnknownId')
})

test('the camera judges by its own clock, at each start', async () => {
  const { root, issue } = await createIssuer()
  const camera = await startCamera({ trust: [root] })
  camera.installApp({ appId: 'app.one' })
  const exp = Math.floor(Date.now() / 1000) + 3600
  expect((await call(camera, 'ans', license(await issue({ typ: 'TRIAL', exp })))).fault).toBe(null)
  camera.setFault('clockOffsetMs', 2 * 3_600_000)
  expect((await call(camera, 'ans', on('Activate'))).reason).toContain('expired')
  camera.clearFaults()
  expect((await call(camera, 'ans', on('Activate'))).fault).toBe(null)
})

test('a license survives an update, and goes with the app', async () => {
  const { root, issue } = await createIssuer()
  const camera = await startCamera({ trust: [root] })
  await install(camera, {})
  await call(camera, 'ans', license(await issue()))
  await call(camera, 'ans', on('Activate'))
  await install(camera, { versionCode: 2 })
  expect(camera.apps()).toMatchObject([{ version: '2.0', state: 'Inactive', licenses: [{ licenseId: 'lic-1' }] }])
  expect((await call(camera, 'ans', on('Activate'))).fault).toBe(null)
  await call(camera, 'ans', on('Uninstall'))
  await until(() => camera.apps().length === 0)
  await install(camera, {})
  expect((await call(camera, 'ans', on('Activate'))).fault).toBe('Receiver ter:Action')
})

test.each([
  ['another signer', { versionCode: 2, signer: 'bb' }, 'another certificate'],
  [
    'a key that gave the one before up',
    { versionCode: 2, signer: 'bb', lineage: [{ certificateSha256: 'aa', keepsData: false }] },
    'another certificate',
  ],
  ['a lower version', { versionCode: 0 }, 'older'],
  ['a higher platform', { versionCode: 2, minPlatformLevel: 99 }, 'platform level 99'],
  ['another architecture', { versionCode: 2, architectures: ['x86'] }, 'x86'],
])('an update with %s fails and leaves the old version', async (_what, pack, status) => {
  const camera = await startCamera({ architectures: ['arm64-v8a'] })
  await install(camera, {})
  expect((await install(camera, pack)).status).toBe(200)
  expect(camera.apps()).toMatchObject([{ version: '1.0', state: 'Inactive' }])
  expect(camera.apps()[0]?.status).toContain(status)
})

test('an update by a key that came after the one before is taken, and the old key is not any more', async () => {
  const camera = await startCamera()
  await install(camera, {})
  const lineage = [{ certificateSha256: 'aa', keepsData: true }]
  await install(camera, { versionCode: 2, signer: 'bb', lineage })
  expect(camera.apps()).toMatchObject([{ version: '2.0', status: '' }])
  await install(camera, { versionCode: 3, signer: 'aa' })
  expect(camera.apps()).toMatchObject([{ version: '2.0', status: expect.stringContaining('another certificate') }])
})

test('the same version may be installed again, and an app without a known signer may be taken over', async () => {
  const camera = await startCamera()
  camera.installApp({ appId: 'app.one', version: '0.9', state: 'Active' })
  await install(camera, { signer: 'aa' })
  await install(camera, { signer: 'aa', versionName: '1.0b' })
  expect(camera.apps()).toMatchObject([{ version: '1.0b', status: '' }])
  expect(textsOf((await call(camera, 'ans', '<ans:GetAppsInfo/>')).content, 'Version')).toEqual(['1.0b'])
})

test('an app can run as soon as it is installed', async () => {
  const camera = await startCamera({ licenseRequired: 'none', activateAfterInstall: true })
  await install(camera, {})
  await until(() => camera.apps()[0]?.state === 'Active')
})

test('after a factory reset nothing is left', async () => {
  const camera = await startCamera()
  await install(camera, {})
  await camera.factoryReset()
  expect(camera.apps()).toEqual([])
  expect((await call(camera, 'ans', '<ans:GetInstalledApps/>')).content.children).toEqual([])
})
