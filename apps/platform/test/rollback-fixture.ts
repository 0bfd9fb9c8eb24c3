import type { Rollout, RolloutDevicePage, RolloutRequest } from '@ocelli/contract'
import { sql } from 'kysely'
import { expect } from 'vitest'
import { createRolloutBench } from './rollout-bench.ts'
import { get, installOf, makeFleet, post, type TestFleet } from './rollout-fixture.ts'

/** A platform with rollouts, and what tests of going back do with it: fleets that have 1.0.1, updates of them to 1.0.2. */
export async function createRollbackBench() {
  const { platform, view, run } = await createRolloutBench()

  const devicesOf = async (fleet: TestFleet, rolloutId: string) =>
    (await get<RolloutDevicePage>(platform, fleet.account, `${rolloutId}/devices`)).items

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
