import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Type } from 'typebox'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import { ok, route } from './route.ts'

const mebibyte = 1024 * 1024

let platform: TestPlatform
let port = 0
beforeAll(async () => {
  const take = route({
    ...{ method: 'POST', path: '/take', access: 'signed-in', tag: 'test', summary: 'Take', idempotent: false },
    body: Type.Unknown(),
    bodyLimitBytes: 3 * mebibyte,
    responses: { 200: null },
    handle: async () => ok(null),
  })
  platform = await createTestPlatform(() => [take])
  await platform.app.listen({ port: 0, host: '127.0.0.1' })
  port = (platform.app.server.address() as AddressInfo).port
})
afterAll(() => platform.close())

/** Says that a body of so many bytes comes, and sends its beginning. */
async function begin(by: TestAccount, length: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const lines = ['POST /take HTTP/1.1', 'Host: x', `Authorization: ${by.headers.authorization}`]
  socket.write([...lines, 'Content-Type: application/json', `Content-Length: ${length}`, '', '"'].join('\r\n'))
  return socket
}

const statusOf = async (socket: Socket) => String(((await once(socket, 'data')) as [Buffer])[0]).slice(9, 12)

async function send(by: TestAccount, length: number): Promise<number> {
  const headers = { ...by.headers, 'content-type': 'application/json' }
  const body = JSON.stringify('x'.repeat(length - 2))
  return (await fetch(`http://127.0.0.1:${port}/take`, { method: 'POST', headers, body })).status
}

test('an account has four large bodies on their way at a time, and small ones besides', async () => {
  const [account, other] = [await platform.account(), await platform.account()]
  const member = await platform.user(account.accountId, [])
  const open = await Promise.all([account, account, member, member].map((by) => begin(by, 2 * mebibyte)))
  await expect.poll(() => send(account, 2 * mebibyte), { timeout: 20_000 }).toBe(429)
  expect(await send(member, 2 * mebibyte)).toBe(429)
  expect(await send(account, 1000)).toBe(200)
  expect(await send(other, 2 * mebibyte)).toBe(200)
  // one that ends makes room, whether it is whole or broken off
  open[0]?.destroy()
  await expect.poll(() => send(account, 2 * mebibyte), { timeout: 20_000 }).toBe(200)
  open[1]?.write(`${'x'.repeat(2 * mebibyte - 2)}"`)
  expect(await statusOf(open[1] as Socket)).toBe('200')
  await expect.poll(() => send(account, 2 * mebibyte), { timeout: 20_000 }).toBe(200)
})
