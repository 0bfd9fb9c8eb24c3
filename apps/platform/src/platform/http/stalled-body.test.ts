import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { toProblem, toProblemError } from './problem.ts'
import { watchStalledBodies } from './stalled-body.ts'

let app: FastifyInstance
let port = 0
beforeEach(async () => {
  app = Fastify()
  watchStalledBodies(app, { stalledAfterMs: 100 })
  app.setErrorHandler((error, _request, reply) => {
    const problem = toProblemError(error)
    return reply.status(problem.status).send(toProblem(problem, { path: '/', requestId: '1' }))
  })
  app.post('/', async (request) => ({ body: request.body ?? null }))
  await app.listen({ host: '127.0.0.1', port: 0 })
  port = (app.server.address() as AddressInfo).port
})
afterEach(() => app.close())

it('answers 408 to a body that comes byte by byte', async () => {
  const socket = connect(port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"a":"')
  const trickle = setInterval(() => socket.write('x'), 10)
  try {
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 408 /)
  } finally {
    clearInterval(trickle)
    socket.destroy()
  }
})

it('answers 408 to a body that stops, and lives on after a request without one', async () => {
  const bodyless = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' })
  expect(bodyless.status).toBe(200)

  const socket = connect(port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"a"')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1.1 408 /)
  socket.destroy()
  const after = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  })
  expect(after.status).toBe(200)
})
