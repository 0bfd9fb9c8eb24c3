import { expect, test } from 'vitest'
import { createManualTime } from '../src/time.ts'
import { axisFetch, root, startAxis } from './axis-client.ts'
import { admin, all, call, readReply, sendWithDigest, soapRequest } from './raw-client.ts'
import { startCamera } from './test-camera.ts'

const userOf = (name: string, password: string, level = 'Administrator') =>
  `<tds:User xmlns:tt="http://www.onvif.org/ver10/schema"><tt:Username>${name}</tt:Username><tt:Password>${password}</tt:Password><tt:UserLevel>${level}</tt:UserLevel></tds:User>`
const setUser = (...users: string[]) => `<tds:SetUser>${users.join('')}</tds:SetUser>`
type Camera = Awaited<ReturnType<typeof startCamera>>

async function lets(camera: Camera, login: { user: string; password: string }): Promise<boolean> {
  const reply = await sendWithDigest(camera, soapRequest('tds', '<tds:GetUsers/>'), { login })
  return reply.status === 200
}

test('SetUser changes the password of users, and their level', async () => {
  const camera = await startCamera({ users: [{ username: 'op', password: 'pw', level: 'Operator' }] })
  const changed = setUser(userOf(admin.user, 'n&amp;w'), userOf('op', 'other'))
  expect((await call(camera, 'tds', changed)).content.name).toBe('SetUserResponse')
  expect(await lets(camera, { user: admin.user, password: 'n&w' })).toBe(true)
  expect(await lets(camera, admin)).toBe(false)
  expect(await lets(camera, { user: 'op', password: 'other' })).toBe(true)
})

test.each([
  ['an unknown user', setUser(userOf('nobody', 'x')), 'Sender ter:InvalidArgVal ter:UsernameMissing'],
  [
    'a level that is none',
    setUser(userOf('admin', 'x', 'Anonymous')),
    'Sender ter:OperationProhibited ter:AnonymousNotAllowed',
  ],
  ['a user named twice', setUser(userOf('admin', 'x'), userOf('admin', 'y')), 'Sender ter:InvalidArgs'],
  ['no password', setUser(userOf('admin', '')), 'Sender ter:OperationProhibited ter:PasswordTooWeak'],
  [
    'one of two that is too long',
    setUser(userOf('admin', 'x'), userOf('op', 'y'.repeat(65))),
    'Sender ter:OperationProhibited ter:PasswordTooLong',
  ],
])('SetUser with %s changes nobody', async (_, body, fault) => {
  const camera = await startCamera({ users: [{ username: 'op', password: 'pw', level: 'Operator' }] })
  expect((await call(camera, 'tds', body)).fault).toBe(fault)
  expect(await lets(camera, admin)).toBe(true)
})

test('rules for passwords are told and held to', async () => {
  const camera = await startCamera()
  expect((await call(camera, 'tds', '<tds:GetPasswordComplexityConfiguration/>')).fault).toMatch('ActionNotSupported')
  camera.setFault('passwordRules', {
    minLength: 5,
    maxLength: 9,
    uppercase: 1,
    digits: 1,
    special: 1,
    blocksUserName: true,
  })
  const { content } = await call(camera, 'tds', '<tds:GetPasswordComplexityConfiguration/>')
  expect(content.children.map(({ text }) => text)).toEqual(['5', '1', '1', '1', 'true'])
  const capabilities = await call(camera, 'tds', '<tds:GetServiceCapabilities/>')
  const security = all(capabilities.content, 'Security')[0]?.attributes.map(({ name, value }) => `${name}=${value}`)
  expect(security).toEqual(expect.arrayContaining(['SecurityPolicies=PasswordComplexity', 'MaxPasswordLength=9']))
  for (const password of ['Ab-1', 'ab-12', 'AB-cd', 'ABc12', 'A-1admin', 'Abcdefg-10']) {
    expect((await call(camera, 'tds', setUser(userOf(admin.user, password)))).fault).toMatch('ter:Password')
  }
  expect((await call(camera, 'tds', setUser(userOf(admin.user, 'Abcd-12')))).fault).toBeNull()
})

test('a password that is taken may count later, or never', async () => {
  const time = createManualTime(Date.now())
  const camera = await startCamera({ time })
  camera.setFault('passwordTakesMs', 1000)
  await call(camera, 'tds', setUser(userOf(admin.user, 'late')))
  const late = { user: admin.user, password: 'late' }
  expect([await lets(camera, admin), await lets(camera, late)]).toEqual([true, false])
  time.advance(1000)
  expect([await lets(camera, admin), await lets(camera, late)]).toEqual([false, true])
  camera.clearFaults()
  camera.setFault('keepsPassword', true)
  const reply = await sendWithDigest(camera, soapRequest('tds', setUser(userOf(admin.user, 'never'))), { login: late })
  expect(readReply(reply).fault).toBeNull()
  expect(await lets(camera, late)).toBe(true)
})

test('pwdgrp.cgi changes the password of a user, and says nothing of why it does not', async () => {
  const camera = await startAxis()
  const list = '/axis-cgi/applications/list.cgi'
  const update = (password: string, login = root) =>
    axisFetch(camera, `/axis-cgi/pwdgrp.cgi?action=update&user=root&pwd=${password}`, { login })
  camera.setFault('passwordRules', { minLength: 15 })
  const refused = await update('short')
  expect(refused).toMatchObject({ status: 200, text: expect.stringContaining('Error: consult the system log file.') })
  expect((await axisFetch(camera, list)).status).toBe(200)
  expect((await update('a-longer-password')).text).toContain('Modified account root.')
  const login = { ...root, password: 'a-longer-password' }
  expect([(await axisFetch(camera, list)).status, (await axisFetch(camera, list, { login })).status]).toEqual([
    401, 200,
  ])
})
