import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { parseCameraAddress } from './camera-address.ts'
import { createHttpLogin } from './http-login.ts'
import { createHttpTransport } from './http-transport.ts'

/** What takes connections and writes the same bytes to each, whatever is asked. */
async function startServer(answer: Buffer) {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', () => socket.write(answer))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('A server has a port.')
  const timeouts = { connectTimeoutMs: 5_000, idleTimeoutMs: 5_000, totalTimeoutMs: 5_000 }
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
