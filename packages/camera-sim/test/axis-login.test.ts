import { expect, test } from 'vitest'
import { axisFetch, callJson, root, serialNumber, startAxis } from './axis-client.ts'
import { admin, send } from './raw-client.ts'

const list = '/axis-cgi/applications/list.cgi'

test('the challenge names the serial number', async () => {
  const camera = await startAxis()
  const reply = await fetch(`${camera.url}${list}`, { method: 'POST' })
  expect(reply.status).toBe(401)
  expect(reply.headers.get('content-type')).toContain('text/html')
  expect(reply.headers.get('www-authenticate')).toMatch(/^Digest .*realm="AXIS_ACCC8E000001".*qop="auth"/)
  await reply.text()
})

test('a wrong password is counted and locks, and the right one lets in', async () => {
  const camera = await startAxis({ lockout: { afterRefusals: 2, lockMs: 60_000 } })
  expect((await axisFetch(camera, list)).status).toBe(200)
  const login = { ...root, password: 'wrong' }
  for (const count of [1, 2]) {
    expect((await axisFetch(camera, list, { login })).status).toBe(401)
    expect(camera.refusedLogins).toBe(count)
  }
  expect(camera.isLockedOut).toBe(true)
  expect((await axisFetch(camera, list)).status).toBe(401)
})

test('a viewer may not see the apps, and a user of ONVIF is nobody', async () => {
  const viewer = { user: 'guest', password: 'guest' }
  const onvif = { user: 'onvif', password: 'onvif' }
  const camera = await startAxis({
    users: [{ ...viewer, group: 'viewer' }],
    onvifUsers: [{ ...onvif, group: 'administrator' }],
  })
  expect((await axisFetch(camera, list, { login: viewer })).status).toBe(401)
  expect(camera.refusedLogins).toBe(0)
  expect((await axisFetch(camera, list, { login: onvif })).status).toBe(401)
  expect(camera.refusedLogins).toBe(1)
})

test('basic is refused over HTTP and taken over HTTPS', async () => {
  const headers = { Authorization: `Basic ${Buffer.from('root:secret').toString('base64')}` }
  const open = await startAxis()
  expect((await send(open, { path: list, headers })).status).toBe(401)
  const secure = await startAxis({ https: true })
  const reply = await send(secure, { path: list, headers })
  expect([reply.status, reply.headers['content-type']]).toEqual([200, 'text/xml'])
  expect((await send(secure, { path: list })).challenges).toEqual([
    'Basic realm="AXIS_ACCC8E000001"',
    expect.stringMatching(/^Digest /),
  ])
  const wrong = `Basic ${Buffer.from(`root:${admin.password}x`).toString('base64')}`
  expect((await send(secure, { path: list, headers: { Authorization: wrong } })).status).toBe(401)
  expect(secure.refusedLogins).toBe(1)
})

test('a camera of 9.80 challenges without qop and opaque', async () => {
  const camera = await startAxis({ os: '9.80' })
  const reply = await send(camera, { path: list })
  expect(reply.challenges).toEqual([expect.not.stringMatching(/qop|opaque/)])
  expect((await axisFetch(camera, list)).status).toBe(200)
})

test('what is no secret is told without a login', async () => {
  const camera = await startAxis()
  const open = await callJson(
    camera,
    'basicdeviceinfo',
    { method: 'getAllUnrestrictedProperties', apiVersion: '1.0' },
    null,
  )
  expect(open.data.propertyList).toMatchObject({ SerialNumber: serialNumber, Version: '11.11.73', ProdNbr: 'P3265-V' })
  expect(open.data.propertyList).not.toHaveProperty('Architecture')
  const all = { method: 'getAllProperties', apiVersion: '1.0', context: 'x' }
  expect(await callJson(camera, 'basicdeviceinfo', all, null)).toMatchObject({ context: 'x', error: { code: 2001 } })
})
