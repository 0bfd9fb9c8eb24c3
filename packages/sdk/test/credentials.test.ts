import { expect, test } from 'vitest'
import { clientCredentials, session } from '../src/index.ts'
import { failure, play } from './play.ts'
import { json, problem, type Scene, silence } from './scripted-server.ts'

/** A platform with a token route; tokens are t1, t2, ... `refuse` says which are refused, and how. */
function platform({
  lifetimeSeconds = 600,
  refuse = () => null,
}: {
  lifetimeSeconds?: number
  refuse?: (token: string) => Scene | null
} = {}): Scene {
  let issued = 0
  return (response, received) => {
    if (received.url === '/auth/v1/token') {
      issued++
      return json({ access_token: `t${issued}`, token_type: 'Bearer', expires_in: lifetimeSeconds, scope: '' })(
        response,
        received,
      )
    }
    const token = received.headers.authorization?.replace('Bearer ', '') ?? ''
    return (refuse(token) ?? json({ token }))(response, received)
  }
}
const credentials = clientCredentials('client', 's3cret&=')
const tokenCalls = (received: { url: string }[]) => received.filter(({ url }) => url === '/auth/v1/token').length

test('calls that begin together share one token, asked for as a form', async () => {
  const { client, server } = await play([platform()], { credentials })
  await Promise.all(['1', '2', '3'].map((id) => client.devices.get(id)))
  expect(tokenCalls(server.received)).toBe(1)
  const asked = server.received[0]
  expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
    ...{ grant_type: 'client_credentials', client_id: 'client', client_secret: 's3cret&=' },
  })
  expect(asked?.headers).toMatchObject({ 'content-type': 'application/x-www-form-urlencoded' })
  expect(asked?.headers.authorization).toBeUndefined()
})

test('a token is renewed before it ends, by the clock that does not jump', async () => {
  const { client, server, clock } = await play([platform()], { credentials })
  await client.devices.get('1')
  clock.jump(3_600_000)
  clock.advance(539_000)
  expect(await client.devices.get('1')).toEqual({ token: 't1' })
  clock.advance(2000)
  expect(await client.devices.get('1')).toEqual({ token: 't2' })
  expect(tokenCalls(server.received)).toBe(2)
})

test('calls that are refused together with token-expired share one new token and are sent once more', async () => {
  const refuse = (token: string) => (token === 't1' ? problem(401, 'token-expired') : null)
  const { client, server, clock } = await play([platform({ refuse })], { credentials })
  expect(await Promise.all(['1', '2', '3'].map((id) => client.devices.get(id)))).toEqual(Array(3).fill({ token: 't2' }))
  expect(tokenCalls(server.received)).toBe(2)
  expect(clock.pausesMs.every((ms) => ms === 0)).toBe(true)
})

test('a call is refused for good when the new token is refused too', async () => {
  const { client, server } = await play([platform({ refuse: () => problem(401, 'token-expired') })], { credentials })
  const error = await failure(client.devices.get('1'))
  expect(error).toMatchObject({ kind: 'unauthenticated', code: 'token-expired', attempts: 2 })
  expect(tokenCalls(server.received)).toBe(2)
})

test('a wrong secret fails at once and says so; a full token route is asked again', async () => {
  const wrong = json({ error: 'invalid_client', error_description: 'There is no such client.' }, { status: 401 })
  const refused = await play([wrong], { credentials })
  expect(await failure(refused.client.devices.get('1'))).toMatchObject({
    ...{ kind: 'unauthenticated', code: 'invalid-client', message: 'There is no such client.' },
  })
  expect(refused.server.received).toHaveLength(1)
  const busy = json(
    { error: 'temporarily_unavailable', error_description: 'Wait.' },
    { status: 429, headers: { 'retry-after': '9' } },
  )
  const { client, clock } = await play([busy, platform()], { credentials })
  expect(await client.devices.get('1')).toEqual({ token: 't1' })
  expect(clock.pausesMs).toEqual([9000])
})

test('one who goes away does not take the token from those who stay', async () => {
  const gone = new AbortController()
  let answer = () => {}
  const mayAnswer = new Promise<void>((resolve) => {
    answer = resolve
  })
  const { client, server } = await play(
    [
      async (response, received) => {
        await mayAnswer
        await platform()(response, received)
      },
      json({ ok: true }),
    ],
    { credentials },
  )
  const leaving = failure(client.devices.get('1', { signal: gone.signal }))
  const staying = client.devices.get('2')
  await server.until(1)
  gone.abort()
  expect(await leaving).toMatchObject({ kind: 'cancelled' })
  answer()
  expect(await staying).toEqual({ ok: true })
  expect(server.received.map(({ url }) => url)).toEqual(['/auth/v1/token', '/device/v1/devices/2'])
})

test('public calls go without credentials and wait for no token', async () => {
  const { client, server } = await play([json({ status: 'not ready', checks: {} }, { status: 503 })], { credentials })
  expect(await client.system.ready()).toEqual({ status: 'not ready', checks: {} })
  expect(server.received.map(({ url, headers }) => [url, headers.authorization])).toEqual([
    ['/health/ready', undefined],
  ])
})

test('a session keeps the cookies it is given, and says where it comes from', async () => {
  const cookie = { 'set-cookie': 'ocelli.session_token=abc; Path=/; HttpOnly' }
  const signedOut = { 'set-cookie': 'ocelli.session_token=; Max-Age=0' }
  const { client, server } = await play(
    [json({ email: 'a@b', name: '' }, { headers: cookie }), json({}), json({}, { headers: signedOut }), json({})],
    { credentials: session() },
  )
  await client.auth.signIn({ email: 'a@b', password: 'x' })
  await client.account.me()
  await client.auth.signOut()
  await client.account.me()
  expect(server.received.map(({ headers }) => headers.cookie)).toEqual([
    undefined,
    'ocelli.session_token=abc',
    'ocelli.session_token=abc',
    undefined,
  ])
  expect(server.received[1]?.headers.origin).toBe(server.baseUrl)
})

test('a provider is asked before each call and told which token was refused', async () => {
  const asked: (string | null)[] = []
  const refuse = (token: string) => (token === 'old' ? problem(401, 'unauthenticated') : null)
  const { client } = await play([platform({ refuse })], {
    credentials: {
      kind: 'provider',
      accessToken: async ({ refusedToken }) => {
        asked.push(refusedToken)
        return refusedToken === 'old' ? 'new' : 'old'
      },
    },
  })
  expect(await client.devices.get('1')).toEqual({ token: 'new' })
  expect(asked).toEqual([null, 'old'])
})

test('a token that never comes is waited for only until the deadline', async () => {
  const { client, server, clock } = await play([silence], { credentials, retry: { deadlineMs: 30_000 } })
  const answer = failure(client.devices.get('1'))
  await server.until(1)
  clock.advance(30_000)
  expect(await answer).toMatchObject({ kind: 'timeout' })
})
