import { expect, test } from 'vitest'
import { writeAxisLicenseKey } from '../src/index.ts'
import { axisFetch, callJson, control, listApps, root, serialNumber, startAxis, uploadEap } from './axis-client.ts'

const config = (query: string) => `/axis-cgi/applications/config.cgi?${query}`

test.each([
  ['5', '5.51.7', 404, 404],
  ['9.80', '9.80.1', 200, 200],
  ['10.12', '10.12.300', 200, 200],
  ['11.11', '11.11.73', 200, 200],
  ['12', '12.11.77', 200, 200],
  ['11.2.5', '11.2.5', 200, 200],
])('AXIS OS %s is %s', async (os, version, info, ready) => {
  const camera = await startAxis({ os })
  expect(camera.osVersion).toBe(version)
  const facts = await axisFetch(camera, '/axis-cgi/param.cgi?action=list&group=Properties.Firmware,Properties.System')
  expect(facts.text).toContain(`root.Properties.Firmware.Version=${version}\n`)
  expect(facts.text).toContain('root.Properties.System.SerialNumber=ACCC8E000001\n')
  expect((await axisFetch(camera, '/axis-cgi/basicdeviceinfo.cgi', { body: '{}', login: null })).status).toBe(info)
  expect((await axisFetch(camera, '/axis-cgi/systemready.cgi', { body: '{}', login: null })).status).toBe(ready)
})

test('a version that is not simulated is refused', async () => {
  await expect(startAxis({ os: '7.10' })).rejects.toThrow('AXIS OS 7.10 is not simulated')
  await expect(startAxis({ serialNumber: 'accc8e000001' })).rejects.toThrow('no serial number')
})

test('before 1.20 of the interface there is no list', async () => {
  const camera = await startAxis({ os: '5.20' })
  expect((await axisFetch(camera, '/axis-cgi/applications/list.cgi')).status).toBe(404)
})

test('only 11 and later tell boot id and uptime; the boot id changes with a restart', async () => {
  const old = await startAxis({ os: '10.12' })
  const request = { apiVersion: '1', method: 'systemready', params: { timeout: 1 } }
  expect((await callJson(old, 'systemready', request, null)).data).toEqual({ systemready: 'yes', needsetup: 'no' })
  const camera = await startAxis()
  const before = (await callJson(camera, 'systemready', request, null)).data
  expect(before).toMatchObject({ systemready: 'yes', uptime: '0', bootid: camera.bootId })
  expect((await axisFetch(camera, '/axis-cgi/restart.cgi')).status).toBe(200)
  await expect.poll(() => camera.reboots, { timeout: 10_000 }).toBe(1)
  await expect.poll(() => camera.isUp, { timeout: 10_000 }).toBe(true)
  const after = (await callJson(camera, 'systemready', request, null)).data
  expect(after.bootid).not.toBe(before.bootid)
})

test('after a start the camera is not ready for a while, and systemready waits for it', async () => {
  const camera = await startAxis({ readyAfterMs: 400 })
  const ask = (timeout: number) => callJson(camera, 'systemready', { method: 'systemready', params: { timeout } }, null)
  expect((await ask(0)).data.systemready).toBe('no')
  expect((await ask(20)).data.systemready).toBe('yes')
})

test('from 12 on, unsigned apps are refused until that is allowed; what is installed stays', async () => {
  const camera = await startAxis({ os: '12.11' })
  expect(await uploadEap(camera)).toBe('Error: 2')
  expect(await uploadEap(camera, { signed: true })).toBe('OK')
  const set = await axisFetch(camera, config('action=set&name=AllowUnsigned&value=true'))
  expect(set.text).toBe('<reply result="ok">\n <param name="AllowUnsigned" value="true" />\n</reply>')
  expect(await uploadEap(camera, { appId: 'unsigned' })).toBe('OK')
  camera.setAllowUnsigned(false)
  expect((await axisFetch(camera, config('action=get&name=AllowUnsigned'))).text).toContain('value="false"')
  expect(await listApps(camera)).toMatch(/Name="unsigned".*SignatureStatus="Unsigned"/)
  expect(camera.apps()).toHaveLength(2)
})

test.each([
  ['11.11', 200],
  ['12.11', 400],
])('%s answers errors of config.cgi with %i', async (os, status) => {
  const camera = await startAxis({ os })
  const reply = await axisFetch(camera, config('action=get&name=Nothing'))
  expect([reply.status, reply.text]).toEqual([status, expect.stringContaining('<reply result="error">')])
})

test('AllowRoot is there from 11.5 to 11.11 only', async () => {
  for (const [os, result] of [
    ['11.2', 'error'],
    ['11.11', 'ok'],
    ['12.11', 'error'],
  ] as const) {
    const camera = await startAxis({ os })
    const { text } = await axisFetch(camera, config('action=get&name=AllowRoot'))
    expect([os, text]).toEqual([os, expect.stringContaining(`result="${result}"`)])
  }
  const old = await startAxis({ os: '10.12' })
  expect((await axisFetch(old, config('action=get&name=AllowUnsigned'))).status).toBe(404)
})

test.each([
  ['11.11', [{ min: '12.0', max: '13' }], 'OK'],
  ['12.11', [{ min: '12.0', max: '13' }], 'OK'],
  ['12.11', [{ min: '12.12' }], 'Error: 5'],
  ['12.11', [{ max: '12' }], 'OK'],
  ['12.11', undefined, 'OK'],
  ['13', [{ max: '12' }], 'Error: 5'],
  ['13', undefined, 'Error: 5'],
  ['13', [{ max: '13' }], 'OK'],
])('on %s a package for %j is answered with %s', async (os, compatibleOsVersions, answer) => {
  const camera = await startAxis({ os, allowUnsigned: true })
  expect(await uploadEap(camera, { schema: '2.0.0', compatibleOsVersions })).toBe(answer)
})

test('before 10.7 the version stands as package.conf has it; another vendor is refused from 12.10 on only', async () => {
  const old = await startAxis({ os: '9.80' })
  await uploadEap(old, { version: '4.5.2' })
  expect(await listApps(old)).toContain('Version="4.5-2"')
  for (const [os, answer] of [
    ['11.11', 'OK'],
    ['12.11', 'Error: 27'],
  ] as const) {
    const camera = await startAxis({ os, allowUnsigned: true })
    await uploadEap(camera, { schema: '2.0.0', vendorId: 'aaaaaaaaaa' })
    expect(await uploadEap(camera, { schema: '2.0.0', vendorId: 'bbbbbbbbbb' })).toBe(answer)
  }
})

test('AXIS OS 5 forgets settings, key and running state of an app when it is updated, and lists two numbers of its version', async () => {
  const parameters = [{ name: 'Mode', default: 'off', type: 'string' }]
  const app = {
    version: '4.5.2',
    copyProtection: 'axis',
    axisAppId: '415129',
    parameters,
    architecture: 'armv7hf',
  } as const
  for (const [os, after] of [
    ['5', { version: '4.5', license: 'Missing', state: 'Stopped', parameters: { Mode: 'off' } }],
    ['9', { version: '4.5-2', license: 'Valid', state: 'Running', parameters: { Mode: 'on' } }],
  ] as const) {
    const camera = await startAxis({ os, architecture: 'armv7hf' })
    await uploadEap(camera, app)
    const form = new FormData()
    form.append(
      'licenseKey',
      new Blob([writeAxisLicenseKey({ applicationId: '415129', deviceId: serialNumber })]),
      'a.xml',
    )
    const path = '/axis-cgi/applications/license.cgi?action=uploadlicensekey&package=hello_world'
    expect((await axisFetch(camera, path, { body: form })).text).toBe('OK\n')
    await axisFetch(camera, '/axis-cgi/param.cgi?action=update&root.Hello_world.Mode=on')
    await control(camera, 'start')
    await uploadEap(camera, app)
    expect(camera.apps()).toMatchObject([after])
  }
})

test('a parameter group that is not there does not hide the others', async () => {
  const camera = await startAxis({ os: '10.12' })
  const { text } = await axisFetch(camera, '/axis-cgi/param.cgi?action=list&group=Properties.Foo,root.Brand.ProdNbr')
  expect(text).toBe(`# Error: Error -1 getting param in group 'Properties.Foo'\r\nroot.Brand.ProdNbr=P3265-V\n`)
})

test('at most ten apps run before 12.6', async () => {
  const camera = await startAxis()
  for (let index = 0; index < 10; index += 1) camera.installApp({ appId: `app${index}`, state: 'Active' })
  await uploadEap(camera)
  expect(await control(camera, 'start')).toBe('Error: 9')
})

test('a camera that needs setup lets nobody in until its first administrator is made, without a login', async () => {
  const camera = await startAxis({ needsSetup: true })
  const ready = await callJson(camera, 'systemready', { method: 'systemready' }, null)
  expect([ready.data.needsetup, camera.needsSetup]).toEqual(['yes', true])
  expect((await axisFetch(camera, '/axis-cgi/applications/list.cgi')).status).toBe(401)
  const add = '/axis-cgi/pwdgrp.cgi?action=add&user=root&pwd=secret&grp=root&sgrp=admin:operator:viewer:ptz'
  const made = await axisFetch(camera, add, { method: 'GET', login: null })
  expect(made).toEqual({ status: 200, type: 'text/html', text: 'Created account root.\n' })
  expect(await listApps(camera)).toContain('<reply result="ok">')
  const other = add.replace('user=root', 'user=other')
  expect((await axisFetch(camera, other, { login: null })).status).toBe(401)
  expect((await axisFetch(camera, other)).text).toContain('Created account other')
  expect(camera.needsSetup).toBe(false)
})

test('before 11.5 the first administrator is called root', async () => {
  const camera = await startAxis({ needsSetup: true, os: '10.12' })
  const add = (user: string) => `/axis-cgi/pwdgrp.cgi?action=add&user=${user}&pwd=secret&sgrp=admin:operator:viewer:ptz`
  expect((await axisFetch(camera, add('admin'), { login: null })).status).toBe(400)
  expect((await axisFetch(camera, add('root'), { login: null })).status).toBe(200)
})

test('a factory reset takes apps and users', async () => {
  const camera = await startAxis()
  await uploadEap(camera)
  await camera.factoryReset()
  expect([camera.apps(), camera.needsSetup, camera.reboots]).toEqual([[], true, 1])
  expect((await axisFetch(camera, '/axis-cgi/applications/list.cgi', { login: root })).status).toBe(401)
})
