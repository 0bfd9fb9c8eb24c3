import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { startControlServer } from '../src/index.ts'
import { send, soapRequest } from './raw-client.ts'
import { startCamera } from './test-camera.ts'

const json = { 'Content-Type': 'application/json' }

async function startControl() {
  const cameras = [await startCamera({ deviceId: 'a/b c' }), await startCamera({ deviceId: 'cam-2' })] as const
  const control = await startControlServer({ cameras, port: 0 })
  onTestFinished(() => control.close())
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = json) => {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const reply = await fetch(`${control.url}${path}`, { method, headers, body: text })
    return { status: reply.status, value: await reply.json() }
  }
  return { cameras, ask }
}

const one = `/cameras/${encodeURIComponent('a/b c')}`

test('cameras are listed and described, with the requests they saw', async () => {
  const { cameras, ask } = await startControl()
  expect((await ask('GET', '/cameras')).value).toMatchObject([{ deviceId: 'a/b c', faults: {} }, { deviceId: 'cam-2' }])
  await send(cameras[0], soapRequest('tds', '<tds:GetHostname/>'))
  expect((await ask('GET', one)).value).toMatchObject({ refusedLogins: 0, requests: [{ operation: 'GetHostname' }] })
})

test('faults are set, shown and cleared while the camera runs, on that camera alone', async () => {
  const { cameras, ask } = await startControl()
  const faults = { slowMs: 1, rebootDuring: { step: 'install', downMs: 10 } }
  expect(await ask('PATCH', `${one}/faults`, faults)).toEqual({ status: 200, value: faults })
  expect([cameras[0].faults, cameras[1].faults]).toEqual([faults, {}])
  expect((await ask('PATCH', `${one}/faults`, { slowMs: null, noEvents: true })).value).toEqual({
    rebootDuring: faults.rebootDuring,
    noEvents: true,
  })
  expect((await send(cameras[0], soapRequest('tev', '<tev:GetServiceCapabilities/>'))).status).toBe(404)
  expect((await ask('DELETE', `${one}/faults`)).value).toEqual({})
  expect((await send(cameras[0], soapRequest('tev', '<tev:GetServiceCapabilities/>'))).status).toBe(200)
})

test('a camera keeps its name here while it reports another id', async () => {
  const { ask } = await startControl()
  expect((await ask('PATCH', `${one}/faults`, { deviceId: 'other' })).status).toBe(200)
  expect((await ask('GET', one)).value).toMatchObject({ deviceId: 'other' })
  expect(await ask('DELETE', `${one}/faults`)).toEqual({ status: 200, value: {} })
  expect((await ask('GET', one)).value).toMatchObject({ deviceId: 'a/b c' })
})

test('a change with one wrong fault changes nothing', async () => {
  const { cameras, ask } = await startControl()
  const reply = await ask('PATCH', `${one}/faults`, { slowMs: 1, slow: 2 })
  expect(reply).toMatchObject({ status: 400, value: { code: 'invalid-request' } })
  expect(cameras[0].faults).toEqual({})
})

test('apps are put there and taken away, and the camera reboots and is reset', async () => {
  const { cameras, ask } = await startControl()
  await ask('POST', `${one}/apps`, { appId: 'by.hand', version: '3.1', state: 'Active' })
  expect(cameras[0].apps()).toMatchObject([{ appId: 'by.hand', version: '3.1', state: 'Active' }])
  expect((await ask('DELETE', `${one}/apps/by.hand`)).value).toMatchObject({ apps: [] })
  expect((await ask('DELETE', `${one}/apps/by.hand`)).status).toBe(404)
  await ask('POST', `${one}/apps`, { appId: 'by.hand' })
  const rebooted = await ask('POST', `${one}/reboot`, { downMs: 1, resetsClock: true })
  expect(rebooted.value).toMatchObject({ reboots: 1, isUp: true, now: expect.stringMatching(/^1970/) })
  expect((await ask('POST', `${one}/factory-reset`)).value).toMatchObject({ apps: [], reboots: 2 })
})

test.each([
  ['GET', '/', undefined, 404],
  ['GET', '/cameras/nobody', undefined, 404],
  ['GET', '/cameras/%zz', undefined, 400],
  ['PUT', '/cameras/cam-2/faults', {}, 404],
  ['GET', '/cameras/cam-2/faults/slowMs/x', undefined, 404],
  ['PATCH', '/cameras/cam-2/faults', '{', 400],
  ['PATCH', '/cameras/cam-2/faults', '[]', 400],
  ['PATCH', '/cameras/cam-2/faults', ' '.repeat(70_000), 413],
  ['POST', '/cameras/cam-2/apps', {}, 400],
  ['POST', '/cameras/cam-2/apps', { appId: 'a', state: 'Broken' }, 400],
  ['POST', '/cameras/cam-2/reboot', { downMs: -1 }, 400],
])('%s %s with %j is answered with a code and a sentence', async (method, path, body, status) => {
  const { ask } = await startControl()
  const reply = await ask(method, path, body)
  expect(reply).toMatchObject({ status, value: { code: expect.any(String), detail: expect.stringMatching(/\.$/) } })
})

test('a body that a web page could send unasked is refused', async () => {
  const { cameras, ask } = await startControl()
  const reply = await ask('POST', '/cameras/cam-2/reboot', '{}', { 'Content-Type': 'text/plain' })
  expect([reply.status, cameras[1].reboots]).toEqual([415, 0])
})

test('every fault is in the table of docs/simulated-cameras.md, and no other', async () => {
  const { ask } = await startControl()
  const { value: refused } = await ask('PATCH', `${one}/faults`, { nothing: 1 })
  const known = JSON.stringify(refused)
    .replace(/^.*Known: /, '')
    .match(/\w+/g)
  const page = readFileSync(new URL('../../../docs/simulated-cameras.md', import.meta.url), 'utf8')
  const rows = page.slice(page.indexOf('| fault |')).matchAll(/^\| (`[^|]*`) \|/gm)
  const documented = [...rows].flatMap(([, names = '']) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name))
  expect(documented.toSorted()).toEqual(known?.toSorted())
})
