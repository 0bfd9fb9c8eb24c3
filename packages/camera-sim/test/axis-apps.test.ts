import { expect, test } from 'vitest'
import { axisFetch, control, listApps, startAxis, uploadBytes, uploadEap } from './axis-client.ts'

test('an app is uploaded, listed, started, stopped and removed', async () => {
  const camera = await startAxis()
  expect(await listApps(camera)).toBe('<reply result="ok">\n</reply>')
  expect(await uploadEap(camera, { friendlyName: 'Hello & World', settingPage: 'index.html' })).toBe('OK')
  expect(await listApps(camera)).toBe(
    '<reply result="ok">\n' +
      ' <application Name="hello_world" NiceName="Hello &amp; World" Vendor="Example" Version="1.0.0" License="None"' +
      ' Status="Stopped" ConfigurationPage="local/hello_world/index.html" LicenseName="Available" />\n</reply>',
  )
  expect(await control(camera, 'start')).toBe('OK')
  expect(camera.apps()).toMatchObject([{ appId: 'hello_world', state: 'Running' }])
  expect(await control(camera, 'start')).toBe('Error: 6')
  expect(await control(camera, 'stop')).toBe('OK')
  expect(await control(camera, 'stop')).toBe('Error: 7')
  expect(await control(camera, 'restart')).toBe('Error: 7')
  expect(await control(camera, 'remove')).toBe('OK')
  expect(await control(camera, 'remove')).toBe('Error: 4')
  expect(camera.apps()).toEqual([])
  expect(camera.writes).toBe(8)
})

test('an empty package name is an invalid one, and so is an action that there is not', async () => {
  const camera = await startAxis()
  expect(await control(camera, 'start', '')).toBe('Error: 1')
  expect(await control(camera, 'constructor')).toBe('Error: 1')
})

test('errors come with status 200', async () => {
  const camera = await startAxis()
  const reply = await axisFetch(camera, '/axis-cgi/applications/control.cgi?action=start&package=x')
  expect(reply).toEqual({ status: 200, type: 'text/plain', text: 'Error: 4\n' })
})

test('an update keeps running what runs, and the parameters that were set', async () => {
  const camera = await startAxis()
  const parameters = [{ name: 'License', default: '', type: 'string' }]
  await uploadEap(camera, { parameters })
  await control(camera, 'start')
  const set = await axisFetch(camera, '/axis-cgi/param.cgi?action=update&root.Hello_world.License=abc%3D')
  expect(set.text).toBe('OK\n')
  expect(await uploadEap(camera, { version: '1.0.1', parameters })).toBe('OK')
  expect(camera.apps()).toMatchObject([{ version: '1.0.1', state: 'Running', parameters: { License: 'abc=' } }])
})

test.each([
  ['another architecture', { architecture: 'armv7hf' }, 'Error: 5'],
  ['any architecture', { architecture: 'all' }, 'OK'],
  ['a manifest that is none', { manifest: '{}' }, 'Error: 29'],
  ['a user that is not allowed', { user: { username: 'root', group: 'root' } }, 'Error: 13'],
  ['no package', Buffer.from('this is no package'), 'Error: 1'],
])('%s has a code of its own', async (_what, options, answer) => {
  const camera = await startAxis()
  expect(await uploadEap(camera, options)).toBe(answer)
})

test('the same name in other letters is refused', async () => {
  const camera = await startAxis()
  await uploadEap(camera)
  expect(await uploadEap(camera, { appId: 'Hello_World' })).toBe('Error: 14')
})

test('either name of the part is taken, and a part without file name is not', async () => {
  const camera = await startAxis()
  const { buildEap } = await import('@ocelli/app-package/testing')
  const bytes = await buildEap({ appId: 'hello_world' })
  expect(await uploadBytes(camera, bytes, 'packfil')).toBe('OK')
  expect(await uploadBytes(camera, bytes, 'file', '')).toBe('Error: 3')
})

test('there is one upload at a time', async () => {
  const camera = await startAxis({ installMs: 1500 })
  const first = uploadEap(camera)
  await expect.poll(() => camera.requests.some(({ authenticated }) => authenticated), { timeout: 10_000 }).toBe(true)
  expect(await uploadEap(camera, { appId: 'other' })).toBe('Error: 12')
  expect(await first).toBe('OK')
  expect(await uploadEap(camera, { appId: 'other' })).toBe('OK')
})

test('what does not fit the flash is refused, and removing gives room back', async () => {
  const camera = await startAxis({ flashBytes: 30_000 })
  expect(await uploadEap(camera, { padBytes: 20_000 })).toBe('OK')
  expect(await uploadEap(camera, { appId: 'other', padBytes: 20_000 })).toBe('Error: 3')
  await control(camera, 'remove')
  expect(await uploadEap(camera, { appId: 'other', padBytes: 20_000 })).toBe('OK')
})
