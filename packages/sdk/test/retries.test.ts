import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { isOcelliError } from '../src/index.ts'
import { failure, play } from './play.ts'
import { brokenBody, html, json, problem, reset, type Scene, silence } from './scripted-server.ts'
import type { createTestClock } from './test-clock.ts'

const device = { deviceId: 'CAM-1' }

test('429 and 408 are tried again after seconds', async () => {
  const { client, clock } = await play([
    problem(429, 'too-many-requests'),
    problem(408, 'request-timeout'),
    json(device),
  ])
  expect(await client.devices.get('CAM-1')).toEqual(device)
  expect(clock.pausesMs).toEqual([1500, 2000])
})

test('5xx is tried again with a full jitter that reaches minutes, and then given up with what was said', async () => {
  const { client, clock, server } = await play([problem(500, 'internal')], {
    random: () => 0.999,
    retry: { deadlineMs: 3_600_000 },
  })
  const error = await failure(client.devices.get('CAM-1'))
  expect(error).toMatchObject({ kind: 'unavailable', code: 'internal', status: 500, retryable: true, attempts: 10 })
  expect(server.received).toHaveLength(10)
  expect(clock.pausesMs).toHaveLength(9)
  expect(clock.pausesMs.map((ms) => Math.round(ms / 1000))).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300])
  const none = await play([problem(500, 'internal'), json(device)], { random: () => 0 })
  await none.client.devices.get('CAM-1')
  expect(none.clock.pausesMs).toEqual([0])
})

test('Retry-After in seconds is obeyed exactly', async () => {
  const { client, clock } = await play([
    problem(503, 'unavailable', { headers: { 'retry-after': '60' } }),
    json(device),
  ])
  await client.devices.get('CAM-1')
  expect(clock.pausesMs).toEqual([60_000])
})

test('Retry-After as a date counts by the clock of the server, however wrong ours is', async () => {
  const headers = { date: 'Wed, 01 Jan 2031 00:00:00 GMT', 'retry-after': 'Wed, 01 Jan 2031 00:00:07 GMT' }
  const { client, clock } = await play([problem(429, 'too-many-requests', { headers }), json(device)])
  clock.jump(-40 * 365 * 86_400_000)
  await client.devices.get('CAM-1')
  expect(clock.pausesMs).toEqual([7000])
})

test('an unreadable Retry-After is as good as none, and the one in the body counts without a header', async () => {
  const { client, clock } = await play([
    problem(429, 'too-many-requests', { headers: { 'retry-after': 'soon' } }),
    problem(429, 'too-many-requests', { headers: { 'retry-after': '-5' } }),
    problem(429, 'too-many-requests', { retryAfterSeconds: 4 }),
    json(device),
  ])
  await client.devices.get('CAM-1')
  expect(clock.pausesMs).toEqual([1500, 2000, 4000])
})

test('a storm of 429 ends at the deadline, without waiting for what would come after it', async () => {
  const { client, clock, server } = await play(
    [problem(429, 'too-many-requests', { headers: { 'retry-after': '30' } })],
    {
      retry: { deadlineMs: 100_000 },
    },
  )
  const error = await failure(client.devices.get('CAM-1'))
  expect(error).toMatchObject({ kind: 'too-many-requests', status: 429, attempts: 4, retryAfterMs: 30_000 })
  expect(clock.pausesMs).toEqual([30_000, 30_000, 30_000])
  expect(server.received).toHaveLength(4)
})

test('a wall clock that jumps neither ends nor prolongs a call', async () => {
  const jumping: { clock?: ReturnType<typeof createTestClock> } = {}
  const { client, clock, server } = await play(
    [
      (response, received) => {
        jumping.clock?.jump(server.received.length % 2 ? 10 * 86_400_000 : -20 * 86_400_000)
        return problem(503, 'unavailable', { headers: { 'retry-after': '20' } })(response, received)
      },
    ],
    { retry: { deadlineMs: 50_000 } },
  )
  jumping.clock = clock
  await failure(client.devices.get('CAM-1'))
  expect(clock.pausesMs).toEqual([20_000, 20_000])
})

test('a reset connection is tried again, also in the middle of an answer', async () => {
  const { client, attempts } = await play([
    reset,
    brokenBody('{"deviceId":', { 'content-length': '500' }),
    json(device),
  ])
  expect(await client.devices.get('CAM-1')).toEqual(device)
  expect(attempts.map(({ error, status, number }) => [number, status, error?.kind, error?.code])).toEqual([
    [1, null, 'unreachable', 'connection-lost'],
    [2, 200, 'unreachable', 'connection-lost'],
    [3, 200, undefined, undefined],
  ])
})

test('JSON that breaks off is tried again; in the end it is a bad answer', async () => {
  const truncated: Scene = (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'x-request-id': 'cut' })
    response.end('{"deviceId":"CA')
  }
  const { client } = await play([truncated, json(device)])
  expect(await client.devices.get('CAM-1')).toEqual(device)
  const always = await play([truncated], { retry: { maxAttempts: 3 } })
  const error = await failure(always.client.devices.get('CAM-1'))
  expect(error).toMatchObject({ kind: 'bad-answer', code: 'answer-cut-off', requestId: 'cut', attempts: 3 })
})

test('a proxy that answers 502 with a page is tried again; one that answers 200 with a page is not', async () => {
  const { client } = await play([html(502), json(device)])
  expect(await client.devices.get('CAM-1')).toEqual(device)
  const page = await play([html(200)])
  const error = await failure(page.client.devices.get('CAM-1'))
  expect(error).toMatchObject({ kind: 'bad-answer', code: 'not-json', status: 200, retryable: false, attempts: 1 })
  expect(error.message).toContain('proxy')
})

test('a redirect is not followed, so that no token goes elsewhere, and names the address', async () => {
  const { client, server } = await play([html(301, { location: 'https://elsewhere.example/' })])
  const error = await failure(client.devices.get('CAM-1'))
  expect(error).toMatchObject({ kind: 'bad-answer', code: 'http-301', attempts: 1 })
  expect(error.message).toContain('https://elsewhere.example/')
  expect(server.received).toHaveLength(1)
})

test('nothing for a minute ends the attempt, and the next one may answer', async () => {
  const { client, clock, server } = await play([silence, json(device)])
  const answer = client.devices.get('CAM-1')
  await server.until(1)
  clock.advance(59_999)
  expect(server.received).toHaveLength(1)
  clock.advance(1)
  expect(await answer).toEqual(device)
})

test('a body that stalls in its middle ends the attempt as well', async () => {
  let begun = () => {}
  const isBegun = new Promise<void>((resolve) => {
    begun = resolve
  })
  const { client, clock, attempts } = await play(
    [
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.write('{"deviceId":')
      },
      json(device),
    ],
    {
      fetch: async (...request) => {
        const response = await fetch(...request)
        // when this response has been handed on and is being read
        setImmediate(begun)
        return response
      },
    },
  )
  const answer = client.devices.get('CAM-1')
  await isBegun
  clock.advance(60_000)
  expect(await answer).toEqual(device)
  expect(attempts[0]).toMatchObject({ status: 200, error: { code: 'attempt-timeout' } })
})

test('a silent server uses up the deadline, and that is what the error says', async () => {
  const { client, clock, server } = await play([silence], { retry: { deadlineMs: 90_000 } })
  const answer = failure(client.devices.get('CAM-1'))
  await server.until(1)
  clock.advance(60_000)
  await server.until(2)
  clock.advance(90_000)
  expect(await answer).toMatchObject({ kind: 'timeout', code: 'deadline-exceeded', attempts: 2 })
})

test('what the client must fix is never sent twice, and says where it is wrong', async () => {
  const errors = [{ pointer: '/licenseType', code: 'required', detail: 'is missing' }]
  const { client, server } = await play([problem(400, 'invalid-request', { errors })])
  const error = await failure(client.devices.change('CAM-1', { name: 'Gate' }))
  expect(error).toMatchObject({ kind: 'invalid-request', fieldErrors: errors, requestId: 'request-1', attempts: 1 })
  expect(server.received).toHaveLength(1)
})

test.each([
  [403, 'permission-missing', 'forbidden', { requiredPermission: 'devices:edit' }],
  [404, 'not-found', 'not-found', {}],
  [409, 'no-free-license', 'conflict', {}],
  [422, 'idempotency-key-reused', 'invalid-request', {}],
])('%i is %s, of kind %s', async (status, code, kind, more) => {
  const { client } = await play([problem(status, code, more)])
  const error = await failure(client.devices.change('CAM-1', { name: 'Gate' }))
  expect(error).toMatchObject({ status, code, kind, attempts: 1, retryable: false, ...more })
  expect(isOcelliError(error, { code, status })).toBe(true)
  expect(isOcelliError(error, { code: 'other' })).toBe(false)
})

test('an answer larger than allowed is given up while it is read', async () => {
  let written = 0
  const { client } = await play(
    [
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const more = () => {
          while (!response.destroyed && response.write('x'.repeat(1024), () => (written += 1024)));
          if (!response.destroyed) response.once('drain', more)
        }
        more()
      },
    ],
    { maxAnswerBytes: 100_000 },
  )
  const error = await failure(client.devices.get('CAM-1'))
  expect(error).toMatchObject({ kind: 'bad-answer', code: 'answer-too-large', attempts: 1 })
  expect(written).toBeLessThan(64 * 1024 * 1024)
})

test('what a refusal says is read up to a bound, and its status counts when it says too much', async () => {
  const { client } = await play([
    (response) => {
      response.writeHead(409, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify({ code: 'x', detail: 'y'.repeat(200_000) }))
    },
  ])
  expect(await failure(client.devices.get('CAM-1'))).toMatchObject({ kind: 'conflict', code: 'http-409' })
})

test('a refused connection says so and is tried again', async () => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as { port: number }
  closed.close()
  const { client } = await play([json(device)], { baseUrl: `http://127.0.0.1:${port}`, retry: { maxAttempts: 3 } })
  const error = await failure(client.devices.get('CAM-1'))
  expect(error).toMatchObject({ kind: 'unreachable', code: 'connection-refused', attempts: 3 })
})
