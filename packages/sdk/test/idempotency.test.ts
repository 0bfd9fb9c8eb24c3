import { expect, test } from 'vitest'
import { failure, play } from './play.ts'
import { json, problem, reset, silence } from './scripted-server.ts'

const pair = { appId: 'com.example.counter', deviceId: 'CAM 1/ü' }
const installation = { ...pair, settled: false }

test('a change carries one key through all its attempts, and another call another key', async () => {
  const { client, server } = await play([reset, problem(503, 'unavailable'), json(installation, { status: 202 })])
  await client.installations.install(pair, { licenseType: 'FULL' })
  await client.installations.update(pair)
  const keys = server.received.map(({ headers }) => headers['idempotency-key'])
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
  expect(keys[1]).toBe(keys[0])
  expect(keys[2]).toBe(keys[0])
  expect(keys[3]).not.toBe(keys[0])
  expect(server.received.map(({ method, url, body }) => [method, url, body])[0]).toEqual([
    'PUT',
    '/software/v1/apps/com.example.counter/devices/CAM%201%2F%C3%BC',
    '{"licenseType":"FULL"}',
  ])
})

test('PUT, POST, PATCH and DELETE carry a key, GET does not, and a given key is used', async () => {
  const { client, server } = await play([json({})])
  await client.installations.install(pair, { licenseType: 'FULL' }, { idempotencyKey: 'mine' })
  await client.installations.start(pair)
  await client.devices.change('CAM-1', { name: 'Gate' })
  await client.installations.uninstall(pair, { whenOffline: 'queue' })
  await client.installations.get(pair)
  const keys = server.received.map(({ method, headers }) => [method, headers['idempotency-key'] !== undefined])
  expect(keys).toEqual([
    ['PUT', true],
    ['POST', true],
    ['PATCH', true],
    ['DELETE', true],
    ['GET', false],
  ])
  expect(server.received[0]?.headers['idempotency-key']).toBe('mine')
  expect(server.received[3]?.url).toContain('?whenOffline=queue')
})

test('while the first request with a key still runs, the second waits for its answer', async () => {
  const busy = problem(409, 'idempotency-key-in-use', { headers: { 'retry-after': '1' }, retryable: true })
  const { client, clock } = await play([reset, busy, busy, json(installation)])
  expect(await client.installations.install(pair, { licenseType: 'FULL' })).toEqual(installation)
  expect(clock.pausesMs.slice(1)).toEqual([1000, 1000])
})

test('where the platform keeps no answer, only what was surely not carried out is sent again', async () => {
  const lost = await play([reset, json({})])
  expect(await failure(lost.client.invitations.create({ email: 'a@example.com', permissions: [] }))).toMatchObject({
    ...{ kind: 'unreachable', attempts: 1 },
  })
  expect(lost.server.received[0]?.headers).not.toHaveProperty('idempotency-key')
  const failed = await play([problem(500, 'internal'), json({})])
  expect((await failure(failed.client.accessTokens.create({ name: 'x' }))).attempts).toBe(1)
  const limited = await play([
    problem(429, 'too-many-requests'),
    problem(408, 'request-timeout'),
    json({ tokenId: 'x' }),
  ])
  expect(await limited.client.accessTokens.create({ name: 'x' })).toEqual({ tokenId: 'x' })
})

test('aborting ends a call while it is sent, while it pauses and while it reads, and nothing is sent after', async () => {
  const sending = await play([silence])
  const first = new AbortController()
  const sent = failure(sending.client.devices.get('CAM-1', { signal: first.signal }))
  await sending.server.until(1)
  first.abort(new Error('enough'))
  expect(await sent).toMatchObject({ kind: 'cancelled', code: 'cancelled', cause: new Error('enough') })

  const second = new AbortController()
  const pausing = await play([problem(503, 'unavailable', { headers: { 'retry-after': '300' } })], {
    onAttempt: () => setImmediate(() => second.abort()),
    fetch: (...request) => fetch(...request),
  })
  expect(await failure(pausing.client.devices.get('CAM-1', { signal: second.signal }))).toMatchObject({
    kind: 'cancelled',
  })
  expect(pausing.server.received).toHaveLength(1)

  const third = new AbortController()
  const reading = await play([
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"a":', () => third.abort())
    },
  ])
  expect(await failure(reading.client.devices.get('CAM-1', { signal: third.signal }))).toMatchObject({
    kind: 'cancelled',
  })

  const before = await play([json({})])
  expect(await failure(before.client.devices.get('CAM-1', { signal: AbortSignal.abort() }))).toMatchObject({
    kind: 'cancelled',
  })
  expect(before.server.received).toHaveLength(0)
})

test('the signal of the client ends every call of it', async () => {
  const stop = new AbortController()
  const { client, server } = await play([silence], { signal: stop.signal })
  const calls = [
    failure(client.devices.get('1')),
    failure(client.devices.get('2', { signal: new AbortController().signal })),
  ]
  await server.until(2)
  stop.abort()
  expect((await Promise.all(calls)).map(({ kind }) => kind)).toEqual(['cancelled', 'cancelled'])
  const late = client.devices.get('3', { signal: new AbortController().signal })
  expect(await failure(late)).toMatchObject({ kind: 'cancelled' })
  expect(server.received).toHaveLength(2)
})

test('an id that would lead to another route is refused before anything is sent', async () => {
  const { client, server } = await play([json({})])
  for (const deviceId of ['..', '.', '']) {
    await expect(async () => await client.devices.get(deviceId)).rejects.toMatchObject({ kind: 'invalid-options' })
  }
  expect(server.received).toHaveLength(0)
})
