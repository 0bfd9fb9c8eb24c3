import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createTestPlatform, type TestPlatform } from '../../../test/test-platform.ts'
import { ok, route } from './route.ts'
import { answerUnparseable } from './unreadable-request.ts'

const shelf = { tag: 'test', access: 'public', responses: { 200: Type.Unknown() } } as const
const read = route({ ...shelf, method: 'GET', path: '/shelf', summary: 'Read', handle: async () => ok('books') })
const write = route({
  ...{ ...shelf, method: 'POST', path: '/shelf', summary: 'Write', body: Type.Object({ name: Type.String() }) },
  handle: async ({ body }) => ok(body),
})

let platform: TestPlatform
beforeAll(async () => {
  platform = await createTestPlatform(() => [read, write])
  await platform.app.listen({ port: 0, host: '127.0.0.1' })
})
afterAll(() => platform.close())

const open = (): Socket => connect((platform.app.server.address() as AddressInfo).port, '127.0.0.1')

/** What comes back for these bytes, until the server closes. */
async function answerTo(...lines: string[]) {
  const socket = open()
  socket.write(lines.join('\r\n'), 'latin1')
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body }
}

async function problemFor(...lines: string[]) {
  const { status, head, body } = await answerTo(...lines)
  expect(head.toLowerCase()).toContain('content-type: application/problem+json')
  return { status, problem: JSON.parse(body) }
}

const json = 'Content-Type: application/json'

describe('what is no HTTP that anybody could route', () => {
  test.each<[string, string[]]>([
    ['another protocol', ['PRI * HTTP/2.0', '', 'SM', '', '']],
    [
      'two ends of one body',
      ['POST /shelf HTTP/1.1', 'Host: x', 'Content-Length: 6', 'Transfer-Encoding: chunked', '', '0', '', 'G'],
    ],
    ['a length that is none', ['POST /shelf HTTP/1.1', 'Host: x', json, 'Content-Length: 0x2', '', '{}']],
    ['a chunk that is none', ['POST /shelf HTTP/1.1', 'Host: x', json, 'Transfer-Encoding: chunked', '', 'zz', '{}']],
    ['a header with NUL', ['GET /shelf HTTP/1.1', 'Host: x', 'X: a\0b', '', '']],
    ['a header in two lines', ['GET /shelf HTTP/1.1', 'Host: x', 'X: a', ' b', '', '']],
    ['a path that is not ASCII', ['GET /\xfc HTTP/1.1', 'Host: x', '', '']],
    ['no Host', ['GET /shelf HTTP/1.1', 'Connection: close', '', '']],
  ])('%s is a problem that says what to do', async (_, lines) => {
    const { status, problem } = await problemFor(...lines)
    expect(status).toBe(400)
    expect(problem).toMatchObject({ status: 400, code: 'invalid-request', requestId: expect.stringMatching(/./) })
    expect(problem.detail).toMatch(/HTTP|Host/)
  })

  test('headers that are too long are said to be so', async () => {
    const { status, problem } = await problemFor('GET /shelf HTTP/1.1', `X: ${'y'.repeat(100_000)}`, '', '')
    expect(status).toBe(431)
    expect(problem).toMatchObject({ status: 431, code: 'headers-too-large', detail: expect.stringContaining('KiB') })
  })

  test('a client without Host may still speak HTTP/1.0', async () => {
    expect(await answerTo('GET /shelf HTTP/1.0', '', '')).toMatchObject({ status: 200, body: 'books' })
  })

  test('an answer that has begun is not written into', async () => {
    const server = createServer((_, answer) => void answer.writeHead(200, { 'content-length': 500 }).write('half'))
    server.on('clientError', answerUnparseable).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const all = text(socket).catch(() => '')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    let seen = ''
    socket.on('data', (chunk: Buffer) => (seen += chunk.toString()))
    await vi.waitFor(() => expect(seen).toContain('half'))
    socket.write('rubbish\r\n\r\n')
    await all
    expect(seen.endsWith('half')).toBe(true)
  })
})

describe('what a client only offers', () => {
  test.each([
    [
      'HTTP/2, as Java and `curl --http2` do',
      ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'],
    ],
    [
      'a WebSocket where there is none',
      [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      ],
    ],
  ])('%s is passed over, and the request answered', async (_, headers) => {
    platform.app.server.on('upgrade', refuse)
    try {
      const body = '{"name":"x"}'
      const lines = [json, ...headers, `Content-Length: ${body.length}`, '', body]
      expect(await answerTo('GET /shelf HTTP/1.1', 'Host: x', ...closing(headers), '', '')).toMatchObject({
        status: 200,
      })
      const written = await answerTo('POST /shelf HTTP/1.1', 'Host: x', ...closing(lines))
      expect(written).toMatchObject({ status: 200, body })
    } finally {
      platform.app.server.off('upgrade', refuse)
    }
  })
})

const refuse = (_: unknown, socket: Socket) => void socket.end('HTTP/1.1 404 Not Found\r\n\r\n')
/** The same, on a connection that ends with the answer. */
const closing = (lines: string[]) => lines.map((line) => line.replace(/^Connection: /, 'Connection: close, '))

test('an expectation that nobody here can meet is passed over', async () => {
  const lines = ['GET /shelf HTTP/1.1', 'Host: x', 'Connection: close', 'Expect: wonders', '', '']
  expect(await answerTo(...lines)).toMatchObject({ status: 200, body: 'books' })
})

test('a compressed body is refused with what to send instead', async () => {
  const answer = await platform.app.inject({
    ...{ method: 'POST', url: '/shelf', payload: 'hello' },
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  })
  expect(answer.statusCode).toBe(415)
  expect(answer.json()).toMatchObject({
    code: 'unsupported-media-type',
    detail: expect.stringContaining('Content-Encoding'),
  })
  expect(answer.headers['accept-encoding']).toBe('identity')
})

test('a path is not told back at any length', async () => {
  const answer = await platform.app.inject({ method: 'GET', url: `/${'a'.repeat(12_000)}` })
  expect(answer.statusCode).toBe(404)
  expect(answer.body.length).toBeLessThan(6000)
})
