import type { Rollout, RolloutDevicePage, RolloutRequest } from '@ocelli/contract'
import { sql } from 'kysely'
import { expect } from 'vitest'
import { rolloutRoutes } from '../src/features/rollouts/rollout-routes.ts'
import {
  type failure,
  finish,
  get,
  inFlight,
  installOf,
  makeFleet,
  post,
  stepAll,
  type TestFleet,
} from './rollout-fixture.ts'
import { createTestPlatform } from './test-platform.ts'

type Outcome = { version?: string; error?: ReturnType<typeof failure>; present?: boolean }

/** A platform with rollouts, and what tests of going back do with it: fleets that have 1.0.1, updates of them to 1.0.2. */
export async function createRollbackBench() {
  const platform = await createTestPlatform(({ db, bearer }) =>
    rolloutRoutes({
      ...{ db, authenticate: bearer.authenticate, nowMs: Date.now, wakeRollouts: () => {} },
      closing: AbortSignal.timeout(600_000),
    }),
  )

  const view = (fleet: TestFleet, rolloutId: string) => get<Rollout>(platform, fleet.account, rolloutId)
  const devicesOf = async (fleet: TestFleet, rolloutId: string) =>
    (await get<RolloutDevicePage>(platform, fleet.account, `${rolloutId}/devices`)).items

  /** Steps, lets the gateways finish what is in flight, and steps again, until nothing is in flight. */
  async function run(fleet: TestFleet, rolloutId: string, outcome: (deviceId: string) => Outcome): Promise<void> {
    await stepAll(platform.db, rolloutId)
    for (let round = 0; round < 50; round++) {
      const wishes = await inFlight(platform.db, rolloutId)
      if (wishes.length === 0) return
      const told = wishes.map((wish) => ({ ...wish, ...outcome(wish.deviceId) }))
      const settled = await finish(platform.db, fleet, told)
      await stepAll(platform.db, rolloutId, { settled })
    }
    throw new Error('The rollout never ends.')
  }

  /** Devices with 1.0.1, and how their driver goes back. */
  async function fleetOnOlder(devices: number, way: 'NONE' | 'IN_PLACE' | 'REINSTALL' | null = 'REINSTALL') {
    const fleet = await makeFleet(platform, { devices })
    const { accountId } = fleet.account
    await sql`UPDATE device SET app_downgrade = ${way} WHERE account_id = ${accountId}`.execute(platform.db)
    const { body } = await post(platform, fleet.account, { body: installOf(fleet, { version: '1.0.1' }) })
    await run(fleet, body.rolloutId, () => ({ version: '1.0.1' }))
    expect((await view(fleet, body.rolloutId)).counters.succeeded).toBe(devices)
    return fleet
  }

  const updateOf = (fleet: TestFleet, strategy: RolloutRequest['strategy']): RolloutRequest => ({
    ...{ name: 'To 1.0.2', action: 'UPDATE', appId: fleet.appId, devices: { filter: {} } },
    strategy: { rollback: 'PREVIOUS_VERSION', acceptDataLoss: true, ...strategy },
  })

  async function roll(fleet: TestFleet, strategy: RolloutRequest['strategy'], more: Partial<RolloutRequest> = {}) {
    const { status, body } = await post(platform, fleet.account, { body: { ...updateOf(fleet, strategy), ...more } })
    expect([status, body.detail]).toEqual([201, undefined])
    return body as Rollout
  }

  const versions = async (fleet: TestFleet) => {
    const { rows } = await sql<{
      version: string | null
      n: number
    }>`SELECT installed_version AS version, count(*)::int AS n
      FROM installation WHERE account_id = ${fleet.account.accountId} GROUP BY 1 ORDER BY 1`.execute(platform.db)
    return Object.fromEntries(rows.map(({ version, n }) => [version ?? 'none', n]))
  }

  return { platform, view, devicesOf, run, fleetOnOlder, updateOf, roll, versions }
}

export type RollbackBench = Awaited<ReturnType<typeof createRollbackBench>>
