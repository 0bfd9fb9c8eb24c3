import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRolloutBench, type RolloutBench } from '../../../test/rollout-bench.ts'
import {
  failure,
  finish,
  inFlight,
  installOf,
  makeFleet,
  post,
  stepAll,
  type TestFleet,
  unitsUsed,
} from '../../../test/rollout-fixture.ts'

let bench: RolloutBench
beforeAll(async () => {
  bench = await createRolloutBench()
})
afterAll(() => bench?.platform.close())

/** A kept-open install of what carries the tag; further devices join once they carry it too. */
async function keptOpen(options: { devices: number; tagged: number; units: number }) {
  const { db } = bench.platform
  const fleet = await makeFleet(bench.platform, options)
  await tag(fleet, fleet.devices.slice(0, options.tagged))
  const request = installOf(fleet, { devices: { filter: { tag: 'new' }, keepOpen: true } })
  const { status, body } = await post(bench.platform, fleet.account, { body: request })
  expect(status).toBe(201)
  const { rolloutId } = body as { rolloutId: string }
  await stepAll(db, rolloutId)
  return { fleet, rolloutId }
}

async function tag({ account }: TestFleet, devices: TestFleet['devices']): Promise<void> {
  await sql`UPDATE device SET tags = '{new}' WHERE account_id = ${account.accountId}
    AND device_id = ANY(${devices.map(({ deviceId }) => deviceId)}::text[])`.execute(bench.platform.db)
}

const lookForJoiners = (rolloutId: string) =>
  sql`UPDATE rollout SET joined_at = now() - interval '1 minute' WHERE rollout_id = ${rolloutId}`.execute(
    bench.platform.db,
  )

it('takes in devices that match later, with a unit each, until it is closed', async () => {
  const { db } = bench.platform
  const { fleet, rolloutId } = await keptOpen({ devices: 3, tagged: 1, units: 4 })
  await bench.run(fleet, rolloutId)
  expect(await bench.view(fleet, rolloutId)).toMatchObject({ state: 'RUNNING', counters: { total: 1, succeeded: 1 } })
  await tag(fleet, fleet.devices)
  await lookForJoiners(rolloutId)
  await bench.run(fleet, rolloutId)
  expect(await bench.view(fleet, rolloutId)).toMatchObject({ state: 'RUNNING', counters: { total: 3, succeeded: 3 } })
  const closed = await post(bench.platform, fleet.account, { path: `/${rolloutId}/close` })
  expect(closed.body.devices.keepOpen).toBe(false)
  await stepAll(db, rolloutId)
  expect(await bench.view(fleet, rolloutId)).toMatchObject({ state: 'COMPLETED' })
})

it('takes in devices in the very step that ends others, which keep no claim to a unit', async () => {
  const { db } = bench.platform
  const { fleet, rolloutId } = await keptOpen({ devices: 3, tagged: 2, units: 3 })
  const error = failure('refused-by-device', false)
  const [good, bad] = await inFlight(db, rolloutId)
  if (!good || !bad) throw new Error('Two are in flight.')
  const settled = await finish(db, fleet, [good, { ...bad, error }])
  await tag(fleet, fleet.devices)
  await lookForJoiners(rolloutId)
  await stepAll(db, rolloutId, { settled })
  expect((await bench.view(fleet, rolloutId)).counters).toMatchObject({
    total: 3,
    succeeded: 1,
    rejected: 1,
    inFlight: 1,
  })
  expect(await unitsUsed(db, fleet)).toEqual({ used: 2, held: 2 })
})
