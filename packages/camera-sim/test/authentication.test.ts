import { expect, test } from 'vitest'
import { createManualTime } from '../src/time.ts'
import { admin, answerChallenge, readReply, send, sendWithDigest, soapRequest, usernameToken } from './raw-client.ts'
import { startCamera, uploadRequest } from './test-camera.ts'

const ask = soapRequest('tds', '<tds:GetDeviceInformation/>')
const withToken = (header: string) => soapRequest('tds', '<tds:GetDeviceInformation/>', { header })
const withAuthorization = (value: string) => ({ ...ask, headers: { ...ask.headers, Authorization: value } })

test.each(['MD5', 'SHA-256'])('HTTP Digest with %s lets in', async (algorithm) => {
  const camera = await startCamera()
  expect((await sendWithDigest(camera, ask, { algorithm })).status).toBe(200)
  expect(camera.requests.at(-1)).toMatchObject({ authenticated: true, credentials: 'digest' })
})

test('a camera for SHA-256 only offers nothing else', async () => {
  const camera = await startCamera({ auth: 'digest-sha256' })
  const { challenges } = await send(camera, ask)
  expect(challenges).toHaveLength(1)
  expect(challenges[0]).toContain('algorithm=SHA-256')
  expect((await sendWithDigest(camera, ask, { algorithm: 'SHA-256' })).status).toBe(200)
})

test('a request without body gets the challenge, so that the real one is sent only once', async () => {
  const camera = await startCamera()
  expect((await send(camera, { ...ask, body: '' })).status).toBe(401)
  expect((await send(camera, uploadRequest(''))).status).toBe(401)
  expect(camera.refusedLogins).toBe(0)
})

test('a nonce count cannot be used twice, and a uri must be that of the request', async () => {
  const camera = await startCamera()
  const [challenge = ''] = (await send(camera, ask)).challenges
  const parts = { ...admin, method: 'POST', uri: ask.path }
  const header = answerChallenge(challenge, parts)
  expect((await send(camera, withAuthorization(header))).status).toBe(200)
  const replay = await send(camera, withAuthorization(header))
  expect(replay.status).toBe(401)
  expect(replay.challenges[0]).toContain('stale=true')
  const next = answerChallenge(challenge, { ...parts, nc: '00000002' })
  expect((await send(camera, withAuthorization(next))).status).toBe(200)
  const other = answerChallenge(challenge, { ...parts, uri: '/other', nc: '00000003' })
  expect((await send(camera, withAuthorization(other))).status).toBe(400)
  expect(camera.refusedLogins).toBe(0)
})

test('after five refused logins even the right password is refused, until the lock ends', async () => {
  const time = createManualTime(Date.now())
  const camera = await startCamera({ time, lockout: { afterRefusals: 5, lockMs: 60_000 } })
  for (let index = 0; index < 5; index += 1) {
    expect(camera.isLockedOut).toBe(false)
    await sendWithDigest(camera, ask, { login: { user: 'admin', password: 'wrong' } })
  }
  expect([camera.refusedLogins, camera.isLockedOut]).toEqual([5, true])
  expect((await sendWithDigest(camera, ask)).status).toBe(401)
  time.advance(60_001)
  expect((await sendWithDigest(camera, ask)).status).toBe(200)
  expect(camera.refusedLogins).toBe(6)
})

test('maxRefused sets the number, and 0 never locks', async () => {
  const strict = await startCamera({ maxRefused: 1 })
  await sendWithDigest(strict, ask, { login: { user: 'nobody', password: 'x' } })
  expect(strict.isLockedOut).toBe(true)
  const open = await startCamera({ maxRefused: 0 })
  for (let index = 0; index < 8; index += 1) {
    await sendWithDigest(open, ask, { login: { user: 'nobody', password: 'x' } })
  }
  expect([open.refusedLogins, open.isLockedOut]).toEqual([8, false])
})

test('a camera for UsernameToken only takes tokens, faults without, and takes uploads by Digest', async () => {
  const camera = await startCamera({ auth: 'wsse' })
  const without = readReply(await send(camera, ask))
  expect([without.status, without.fault]).toEqual([400, 'Sender ter:NotAuthorized'])
  expect((await send(camera, withToken(usernameToken(admin, new Date())))).status).toBe(200)
  expect(camera.requests.at(-1)).toMatchObject({ authenticated: true, credentials: 'username-token' })
  expect((await sendWithDigest(camera, uploadRequest('{}'))).status).toBe(200)
})

test('a token is refused when its time is not that of the camera, when it is replayed, and with a wrong password', async () => {
  const camera = await startCamera({ auth: 'wsse', clockOffsetMs: 3_600_000, maxRefused: 0 })
  const status = async (token: string) => (await send(camera, withToken(token))).status
  expect(await status(usernameToken(admin, new Date()))).toBe(400)
  const good = usernameToken(admin, camera.now())
  expect(await status(good)).toBe(200)
  expect(await status(good)).toBe(400)
  expect(await status(usernameToken({ user: 'admin', password: 'no' }, camera.now()))).toBe(400)
  expect(camera.refusedLogins).toBe(3)
})

test('a camera that knows both takes either, and tokens are nothing to one that knows only Digest', async () => {
  const both = await startCamera({ auth: 'both' })
  expect((await send(both, withToken(usernameToken(admin, new Date())))).status).toBe(200)
  expect((await sendWithDigest(both, ask)).status).toBe(200)
  const digest = await startCamera()
  expect((await send(digest, withToken(usernameToken(admin, new Date())))).status).toBe(401)
})

test('changed credentials count at once', async () => {
  const camera = await startCamera()
  camera.setCredentials({ user: 'root', password: 'new' })
  expect((await sendWithDigest(camera, ask)).status).toBe(401)
  expect((await sendWithDigest(camera, ask, { login: { user: 'root', password: 'new' } })).status).toBe(200)
})
