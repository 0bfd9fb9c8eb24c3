import { once } from 'node:events'
import { connect } from 'node:net'
import Fastify from 'fastify'
import { afterEach, expect, it } from 'vitest'
import { toProblem, toProblemError } from './problem.ts'
import { watchStalledBodies } from './stalled-body.ts'

const app = Fastify()
watchStalledBodies(app, { stalledAfterMs: 100 })
app.setErrorHandler((error, _request, reply) => {
  const problem = toProblemError(error)
  return reply.status(problem.status).send(toProblem(problem, { path: '/', requestId: '1' }))
})
app.post('/', async (request) => ({ body: request.body ?? null }))
afterEach(() => app.close())

it('answers 408 to a body that stops, and lives on after a request without one', async () => {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
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
