import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { installOf, makeFleet, post, type TestFleet } from '../../../test/rollout-fixture.ts'
import { createTestPlatform, type TestPlatform } from '../../../test/test-platform.ts'
import { rolloutRoutes } from './rollout-routes.ts'

let platform: TestPlatform
let fleet: TestFleet
let port = 0
const closing = new AbortController()
beforeAll(async () => {
  platform = await createTestPlatform(({ db, bearer }) =>
    rolloutRoutes({
      ...{ db, authenticate: bearer.authenticate, nowMs: Date.now, wakeRollouts: () => {}, closing: closing.signal },
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
