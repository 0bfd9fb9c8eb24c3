import { connect } from 'node:net'
import { type KyselyPlugin, sql } from 'kysely'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { installOf, makeFleet, post, type TestFleet } from '../../../test/rollout-fixture.ts'
import { createTestPlatform, noLimits, type TestPlatform } from '../../../test/test-platform.ts'
import { rolloutRoutes } from './rollout-routes.ts'

let platform: TestPlatform
let fleet: TestFleet
let port = 0
let reads = 0
const countReads: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  transformResult: async ({ result }) => {
    reads += 1
    return result
  },
}
const closing = new AbortController()
beforeAll(async () => {
  platform = await createTestPlatform(({ db, bearer }) =>
    rolloutRoutes({
      ...{
        db: db.withPlugin(countReads),
        authenticate: bearer.authenticate,
        ...noLimits,
        nowMs: Date.now,
        wakeRollouts: () => {},
        closing: closing.signal,
      },
    }),
  )
  fleet = await makeFleet(platform, { devices: 1 })
  await platform.app.listen({ port: 0, host: '127.0.0.1' })
  const address = platform.app.server.address()
  port = typeof address === 'object' && address ? address.port : 0
})
afterAll(async () => {
  closing.abort()
  await platform?.close()
})

it('ends when the rollout cannot be read, so that its reader comes again', async () => {
  const { body } = await post(platform, fleet.account, { body: installOf(fleet) })
  const url = `http://127.0.0.1:${port}/software/v1/rollouts/${body.rolloutId}/stream`
  const stream = await fetch(url, { headers: fleet.account.headers, signal: AbortSignal.timeout(20_000) })
  const reader = stream.body?.getReader()
  expect((await reader?.read())?.done).toBe(false)
  await sql`ALTER TABLE rollout_wave RENAME TO rollout_wave_away`.execute(platform.db)
  try {
    for (let isDone = false; !isDone; ) isDone = (await reader?.read())?.done ?? true
  } finally {
    await sql`ALTER TABLE rollout_wave_away RENAME TO rollout_wave`.execute(platform.db)
  }
})

it('keeps nothing for a reader that takes nothing, which gets the newest once it reads again', async () => {
  const { body } = await post(platform, fleet.account, {
    body: installOf(fleet, { action: 'STOP', licenseType: null }),
  })
  const served: { writableLength: number }[] = []
  platform.app.server.once('connection', (socket) => served.push(socket))
  const reader = connect(port, '127.0.0.1').pause()
  const { authorization } = fleet.account.headers
  reader.write(
    `GET /software/v1/rollouts/${body.rolloutId}/stream HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\n\r\n`,
  )
  const say = (letter: string) =>
    sql`UPDATE rollout SET reason_code = 'said', reason_detail = repeat(${letter}, 4000000) WHERE rollout_id = ${body.rolloutId}`.execute(
      platform.db,
    )
  for (const letter of 'abcde') {
    await say(letter)
    const before = reads
    await vi.waitFor(() => expect(reads).toBeGreaterThan(before + 1), { timeout: 20_000, interval: 20 })
  }
  expect(served[0]?.writableLength).toBeLessThan(12_000_000)
  let hasNewest = false
  reader.setEncoding('utf8').on('data', (chunk: string) => {
    hasNewest ||= chunk.includes('eeeee')
  })
  reader.resume()
  await vi.waitFor(() => expect(hasNewest).toBe(true), { timeout: 20_000, interval: 50 })
  reader.destroy()
}, 60_000)
