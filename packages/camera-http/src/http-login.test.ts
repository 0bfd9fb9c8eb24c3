import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { parseCameraAddress } from './camera-address.ts'
import { parseChallenges } from './http-challenge.ts'
import type { Credentials } from './http-digest.ts'
import { createHttpLogin } from './http-login.ts'
import { createHttpTransport } from './http-transport.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** A camera that answers 401 with the challenges of `judge`, 200 when there are none, and breaks the connection on null. */
async function camera(
  judge: (authorization: string | undefined, count: number) => string[] | null,
  given: { isSecure?: boolean; credentials?: Credentials | undefined } = {},
) {
  const seen: { authorization: string | undefined; bytes: number }[] = []
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    request.on('end', () => {
      const { authorization } = request.headers
      seen.push({ authorization, bytes })
      const challenges = judge(authorization, seen.length)
      if (challenges === null) request.socket.resetAndDestroy()
      else if (challenges.length > 0) response.writeHead(401, { 'WWW-Authenticate': challenges }).end()
      else response.end('OK')
    })
  }
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('A server has a port.')
  const timeouts = { connectTimeoutMs: 1_000, idleTimeoutMs: 2_000, totalTimeoutMs: 2_000 }
  const parsed = parseCameraAddress(`http://127.0.0.1:${address.port}`)
  const transport = createHttpTransport({ address: parsed, tls: {}, timeouts })
  const login = createHttpLogin({
    ...{ credentials: { user: 'root', password: 'secret' }, isSecure: false, ...given },
    ...{ transport, random: (size: number) => new Uint8Array(size).fill(7) },
  })
  const send = () =>
    login.send({ method: 'POST', target: '/cgi', headers: {}, body: Buffer.from('small'), isIdempotent: true })
  return { login, send, seen }
}

const digest = (nonce: string, more = '') => `Digest realm="AXIS_1", nonce="${nonce}", qop="auth"${more}`
const basic = 'Basic realm="AXIS_1"'
const nonceOf = (authorization: string | undefined) =>
  parseChallenges(['WWW-Authenticate', authorization ?? ''])[0]?.parameters.get('nonce')
const countOf = (authorization: string | undefined) =>
  parseChallenges(['WWW-Authenticate', authorization ?? ''])[0]?.parameters.get('nc')

test('a challenge is answered with Digest, and its nonce is used on', async () => {
  const { send, seen, login } = await camera((authorization) => (authorization === undefined ? [digest('n1')] : []))
  expect((await send()).status).toBe(200)
  expect((await send()).status).toBe(200)
  expect(seen.map(({ authorization }) => countOf(authorization))).toEqual([undefined, '00000001', '00000002'])
  expect(login.record.refusedLogins).toBe(0)
})

test('a nonce that has aged is replaced once, stale or not', async () => {
  const { send, seen } = await camera((authorization, count) => {
    if (count === 1) return [digest('n1')]
    return nonceOf(authorization) === (count > 2 ? 'n2' : 'n1') ? [] : [digest('n2')]
  })
  await send()
  expect((await send()).status).toBe(200)
  expect(seen.map(({ authorization }) => nonceOf(authorization))).toEqual([undefined, 'n1', 'n1', 'n2'])
})

test('a wrong password is sent twice at most, then never again', async () => {
  const { send, seen, login } = await camera((_, count) => [digest(`n${count}`, ', stale=true')])
  for (let round = 0; round < 3; round++) {
    await expect(send()).rejects.toMatchObject({ code: 'credentials-refused' })
  }
  expect(seen.filter(({ authorization }) => authorization !== undefined)).toHaveLength(2)
  expect(login.record.refusedLogins).toBe(2)
})

test('a refusal of a fresh nonce is definite', async () => {
  const { send, seen } = await camera(() => [digest('n1')])
  await expect(send()).rejects.toMatchObject({ code: 'credentials-refused' })
  expect(seen).toHaveLength(2)
})

test('Basic is not answered over http, and Digest beside it is', async () => {
  const onlyBasic = await camera(() => [basic])
  await expect(onlyBasic.send()).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('https'),
  })
  expect(onlyBasic.seen).toHaveLength(1)
  const both = await camera((authorization) => (authorization === undefined ? [basic, digest('n1')] : []))
  expect((await both.send()).status).toBe(200)
  expect(both.seen[1]?.authorization).toMatch(/^Digest /)
})

test('on an encrypted connection the order of the camera decides', async () => {
  const basicFirst = await camera((authorization) => (authorization === undefined ? [basic, digest('n1')] : []), {
    isSecure: true,
  })
  await basicFirst.send()
  expect(basicFirst.seen[1]?.authorization).toBe(`Basic ${Buffer.from('root:secret').toString('base64')}`)
  const digestFirst = await camera((authorization) => (authorization === undefined ? [digest('n1'), basic] : []), {
    isSecure: true,
  })
  await digestFirst.send()
  expect(digestFirst.seen[1]?.authorization).toMatch(/^Digest /)
})

test('a camera that no longer takes the scheme gets the other one', async () => {
  let policy: 'basic' | 'digest' = 'basic'
  const { send, seen } = await camera(
    (authorization) => {
      const isRight = authorization?.toLowerCase().startsWith(`${policy} `)
      return isRight ? [] : policy === 'basic' ? [basic] : [digest('n1')]
    },
    { isSecure: true },
  )
  await send()
  policy = 'digest'
  expect((await send()).status).toBe(200)
  expect(seen.at(-1)?.authorization).toMatch(/^Digest /)
})

test('a large body crosses the network once, with the nonce of the request before it', async () => {
  const { login, send, seen } = await camera((authorization) => (authorization === undefined ? [digest('n1')] : []))
  await send()
  const size = 1_000_000
  const body = { open: () => Readable.from([Buffer.alloc(size)]), size }
  expect((await login.upload({ target: '/upload', headers: {}, body })).status).toBe(200)
  expect(seen.map(({ bytes }) => bytes)).toEqual([5, 5, size])
  expect(countOf(seen[2]?.authorization)).toBe('00000002')
})

test('a request that is sent again on a broken connection counts on, since a repeated count looks like a replay', async () => {
  const { send, seen, login } = await camera((authorization, count) =>
    authorization === undefined ? [digest('n1')] : count === 3 ? null : [],
  )
  await send()
  await send()
  expect(seen.map(({ authorization }) => countOf(authorization))).toEqual([
    undefined,
    '00000001',
    '00000002',
    '00000003',
  ])
  expect(login.record.refusedLogins).toBe(0)
})

test('a large body that the camera refuses the login for is not sent again', async () => {
  const { login, send, seen } = await camera((authorization, count) =>
    authorization === undefined || count > 2 ? [digest(`n${count}`)] : [],
  )
  await send()
  const body = { open: () => Readable.from([Buffer.alloc(1_000)]), size: 1_000 }
  await expect(login.upload({ target: '/upload', headers: {}, body })).rejects.toMatchObject({
    code: 'credentials-refused',
  })
  expect(seen).toHaveLength(3)
})

test('without credentials none are sent', async () => {
  const { send, seen } = await camera(() => [digest('n1')], { credentials: undefined })
  await expect(send()).rejects.toMatchObject({ code: 'credentials-refused', message: expect.stringContaining('none') })
  expect(seen).toHaveLength(1)
})
