import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { installOf, makeFleet, post, type TestFleet } from '../../../test/rollout-fixture.ts'
import { createTestPlatform, noLimits, type TestPlatform } from '../../../test/test-platform.ts'
import { rolloutRoutes } from './rollout-routes.ts'

let platform: TestPlatform
let fleet: TestFleet
beforeAll(async () => {
  platform = await createTestPlatform(({ db, bearer }) =>
    rolloutRoutes({
      ...{ db, authenticate: bearer.authenticate, nowMs: Date.now, wakeRollouts: () => {} },
      ...{ ...noLimits, openRolloutsPerAccount: 2, closing: AbortSignal.timeout(600_000) },
    }),
  )
  fleet = await makeFleet(platform, { devices: 1 })
})
afterAll(() => platform?.close())

const begin = () => post(platform, fleet.account, { body: installOf(fleet, { action: 'STOP', licenseType: null }) })
const setState = (rolloutId: string, state: 'COMPLETED' | 'ABORTED') =>
  sql`UPDATE rollout SET state = ${state}, is_open = false WHERE rollout_id = ${rolloutId}`.execute(platform.db)

it('an account has so many open rollouts, its own only, and what is refused says what to do', async () => {
  const [one, two, three] = [await begin(), await begin(), await begin()]
  expect([one.status, two.status]).toEqual([201, 201])
  expect(three.body).toMatchObject({ status: 409, code: 'limit-reached', retryable: false })
  expect(three.body.detail).toBe(
    'There are 2 open rollouts in this account, which is the limit. Abort or close some, or wait until they are complete.',
  )
  const other = await makeFleet(platform, { devices: 1 })
  const elsewhere = await post(platform, other.account, { body: installOf(other) })
  expect(elsewhere.status).toBe(201)

  await setState(one.body.rolloutId, 'COMPLETED')
  const four = await begin()
  expect(four.status).toBe(201)
  // a retry opens a rollout again
  await sql`UPDATE rollout_device SET state = 'FAILED' WHERE rollout_id = ${one.body.rolloutId}`.execute(platform.db)
  const retry = () => post(platform, fleet.account, { path: `/${one.body.rolloutId}/retry` })
  expect((await retry()).body.code).toBe('limit-reached')
  await setState(four.body.rolloutId, 'ABORTED')
  expect((await retry()).body.state).toBe('RUNNING')
})
