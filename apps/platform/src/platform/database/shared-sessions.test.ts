import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { refuseSharedSessions } from './shared-sessions.ts'

/** A message of PostgreSQL's protocol (53.7): type, length with itself, content. */
function message(type: string, ...content: (string | number)[]): Buffer {
  const body = Buffer.concat(
    content.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : int32(part))),
  )
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body])
}
function int32(number: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(number)
  return bytes
}

/** Answers every query of every connection with the same number: what a pooler does that has one session for all. */
async function startSharing() {
  const ready = message('Z', 'I')
  const column = message('T', '\0\x01', 'pid\0', 0, '\0\0', 23, '\0\x04', -1, '\0\0')
  const answer = Buffer.concat([column, message('D', '\0\x01', 1, '7'), message('C', 'SELECT 1\0'), ready])
  const server = createServer((socket) => {
    socket.on('error', () => {})
    let hasBegun = false
    socket.on('data', (data) => {
      if (!hasBegun) socket.write(Buffer.concat([message('R', 0), ready]))
      else if (data.toString('latin1', 0, 1) === 'Q') socket.write(answer)
      hasBegun = true
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `postgresql://somebody@127.0.0.1:${(server.address() as { port: number }).port}/something`
}

test('a pooler that shares sessions is refused, with what to set there', async () => {
  await expect(refuseSharedSessions(await startSharing())).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringContaining('pool_mode = session'),
  })
})

test('PostgreSQL itself is not', async () => {
  const { connectionString, drop } = await createTestDatabase()
  await refuseSharedSessions(connectionString)
  await drop()
})
