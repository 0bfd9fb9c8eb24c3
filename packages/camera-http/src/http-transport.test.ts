import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { parseCameraAddress } from './camera-address.ts'
import { createHttpLogin } from './http-login.ts'
import { createHttpTransport } from './http-transport.ts'

/** What takes connections and writes the same bytes to each, whatever is asked. */
async function startServer(answer: Buffer, { idleTimeoutMs = 5_000, answersAfterBytes = 1 } = {}) {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    let heardBytes = 0
    socket.on('data', (bytes) => {
      const before = heardBytes
      heardBytes += bytes.length
      if (before < answersAfterBytes && heardBytes >= answersAfterBytes) socket.write(answer)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('A server has a port.')
  const timeouts = { connectTimeoutMs: 5_000, idleTimeoutMs, totalTimeoutMs: 20_000 }
  const parsed = parseCameraAddress(`http://127.0.0.1:${address.port}`)
  return { sockets, transport: createHttpTransport({ address: parsed, tls: {}, timeouts }) }
}

const request = { method: 'GET', target: '/', headers: {}, body: Buffer.alloc(0), isIdempotent: true } as const

test('a challenge that no header can answer is a bad reply, and no connection is left behind', async () => {
  const challenge = 'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="\0", nonce="n"\r\nContent-Length: 0\r\n\r\n'
  const { sockets, transport } = await startServer(Buffer.from(challenge, 'latin1'))
  const login = createHttpLogin({
    ...{ credentials: { user: 'u', password: 'p' }, transport, isSecure: false },
    random: (size) => new Uint8Array(size),
  })
  await expect(login.send(request)).rejects.toMatchObject({ code: 'bad-reply', retryable: false })
  await Promise.all(
    sockets.map((socket) => socket.closed || once(socket, 'close', { signal: AbortSignal.timeout(5_000) })),
  )
})

async function* twoPieces(gapMs: number) {
  yield Buffer.alloc(1_000)
  await pause(gapMs)
  yield Buffer.alloc(1_000)
}
const upload = (gapMs: number) =>
  ({
    ...request,
    method: 'POST',
    isIdempotent: false,
    body: { size: 2_000, open: () => Readable.from(twoPieces(gapMs)) },
  }) as const
const done = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')

test('a body that is held back by its sender is not taken for a camera that is silent', async () => {
  const { transport } = await startServer(done, { idleTimeoutMs: 200, answersAfterBytes: 2_000 })
  await expect(transport(upload(1_000))).resolves.toMatchObject({ status: 200 })
})

test('a camera that is silent after a body that was held back is given up', async () => {
  const { transport } = await startServer(done, { idleTimeoutMs: 200, answersAfterBytes: 1_000_000 })
  await expect(transport(upload(300))).rejects.toMatchObject({ code: 'timeout' })
})
