import type { InstallationError, Rollout, RolloutRequest } from '@ocelli/contract'
import { expect } from 'vitest'
import { rolloutRoutes } from '../src/features/rollouts/rollout-routes.ts'
import type { AnyRoute } from '../src/platform/http/route.ts'
import { finish, get, inFlight, installOf, post, stepAll, type TestFleet } from './rollout-fixture.ts'
import { createTestPlatform, noLimits, type TestParts, type TestPlatform } from './test-platform.ts'

/** What a gateway says at the end of a wish; without an error: it is done. */
interface Outcome {
  version?: string
  error?: InstallationError | null
  present?: boolean
}

/** A server with the routes of rollouts, and `more`. No engine runs: the test takes the steps. */
export async function createRolloutPlatform(
  more: (parts: TestParts & { closing: AbortSignal }) => AnyRoute[] = () => [],
): Promise<TestPlatform> {
  const closing = new AbortController()
  const platform = await createTestPlatform((parts) => {
    const common = { db: parts.db, authenticate: parts.bearer.authenticate, closing: closing.signal, ...noLimits }
    return [
      ...rolloutRoutes({ ...common, nowMs: Date.now, wakeRollouts: () => {} }),
      ...more({ ...parts, closing: closing.signal }),
    ]
  })
  return {
    ...platform,
    async close() {
      // open streams end only by it
      closing.abort()
      await platform.close()
    },
  }
}

/** That server, with what most tests of rollouts do on it. */
export async function createRolloutBench() {
  const platform = await createRolloutPlatform()
  return {
    platform,
    view: (fleet: TestFleet, rolloutId: string) => get<Rollout>(platform, fleet.account, rolloutId),

    /** An install on all devices of the fleet, but for what `request` says. */
    async begin(fleet: TestFleet, request: Partial<RolloutRequest> = {}): Promise<Rollout> {
      const { status, body } = await post(platform, fleet.account, { body: installOf(fleet, request) })
      expect([status, body.detail]).toEqual([201, undefined])
      return body as Rollout
    },

    /** Steps, lets the gateways finish what is in flight, and steps again, until nothing is in flight. */
    async run(fleet: TestFleet, rolloutId: string, outcome: (deviceId: string) => Outcome = () => ({})): Promise<void> {
      await stepAll(platform.db, rolloutId)
      for (let round = 0; round < 50; round++) {
        const wishes = await inFlight(platform.db, rolloutId)
        if (wishes.length === 0) return
        const told = wishes.map((wish) => ({ ...wish, ...outcome(wish.deviceId) }))
        const settled = await finish(platform.db, fleet, told)
        await stepAll(platform.db, rolloutId, { settled })
      }
      throw new Error('The rollout never ends.')
    },
  }
}

export type RolloutBench = Awaited<ReturnType<typeof createRolloutBench>>
