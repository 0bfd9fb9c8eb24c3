import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRolloutBench, type RolloutBench } from '../../../test/rollout-bench.ts'
import { makeFleet, stepAll } from '../../../test/rollout-fixture.ts'

let bench: RolloutBench
beforeAll(async () => {
  bench = await createRolloutBench()
})
afterAll(() => bench?.platform.close())

/** As PostgreSQL sees it after its clock was set back by an hour: everything was stamped an hour from now. */
async function setBack(rolloutId: string): Promise<void> {
  const { db } = bench.platform
  await sql`UPDATE rollout SET rate_at = rate_at + interval '1 hour', offline_checked_at = offline_checked_at + interval '1 hour',
    joined_at = joined_at + interval '1 hour' WHERE rollout_id = ${rolloutId}`.execute(db)
  await sql`UPDATE rollout_device SET due_at = due_at + interval '1 hour' WHERE rollout_id = ${rolloutId}`.execute(db)
}

test('devices that wait for their first turn are taken up, under a rate too', async () => {
  const { db } = bench.platform
  const fleet = await makeFleet(bench.platform, { devices: 4, sites: 1 })
  const { rolloutId } = await bench.begin(fleet, { strategy: { rate: { maximumPerMinute: 120 } } })
  await setBack(rolloutId)
  await stepAll(db, rolloutId)
  expect((await bench.view(fleet, rolloutId)).counters).toMatchObject({ inFlight: 4, pending: 0 })
})

test('devices that come back are looked for', async () => {
  const { db } = bench.platform
  const fleet = await makeFleet(bench.platform, { devices: 1, sites: 1 })
  const toBe = (connectivity: string) =>
    sql`UPDATE device SET connectivity = ${connectivity} WHERE account_id = ${fleet.account.accountId}`.execute(db)
  await toBe('OFFLINE')
  const { rolloutId } = await bench.begin(fleet)
  await stepAll(db, rolloutId)
  expect((await bench.view(fleet, rolloutId)).counters).toMatchObject({ offline: 1 })
  await setBack(rolloutId)
  await toBe('ONLINE')
  await sql`UPDATE rollout_device SET due_at = now() - interval '1 second' WHERE rollout_id = ${rolloutId}`.execute(db)
  await stepAll(db, rolloutId)
  expect((await bench.view(fleet, rolloutId)).counters).toMatchObject({ offline: 0, inFlight: 1 })
})
