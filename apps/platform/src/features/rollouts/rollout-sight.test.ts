import type { Rollout } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createRolloutPlatform } from '../../../test/rollout-bench.ts'
import { installOf, makeFleet, post, type TestFleet } from '../../../test/rollout-fixture.ts'
import type { TestAccount, TestPlatform } from '../../../test/test-platform.ts'

// Who may change a rollout: the table of docs/rollouts-states.md, row by row.

let platform: TestPlatform
let fleet: TestFleet
let projects: string[]
beforeAll(async () => {
  platform = await createRolloutPlatform()
})
afterAll(() => platform?.close())

/** Three devices: one in the first project, one in the second, one in none. */
beforeEach(async () => {
  fleet = await makeFleet(platform, { devices: 3 })
  const { accountId } = fleet.account
  const { rows } = await sql<{ project_id: string }>`
    INSERT INTO project (account_id, name) VALUES (${accountId}, 'North'), (${accountId}, 'South') RETURNING project_id`.execute(
    platform.db,
  )
  projects = rows.map(({ project_id }) => project_id)
  for (const [n, projectId] of projects.entries()) await assign(fleet.devices[n]?.deviceId, projectId)
})

const assign = (deviceId: string | undefined, projectId: string | undefined) =>
  sql`INSERT INTO project_device (account_id, project_id, device_id)
    VALUES (${fleet.account.accountId}, ${projectId}, ${deviceId})`.execute(platform.db)

/** Somebody of these projects who may run rollouts. */
async function memberOf(...indices: number[]): Promise<TestAccount> {
  const { accountId } = fleet.account
  const member = await platform.user(accountId, ['apps:view', 'apps:install'])
  for (const index of indices) {
    await sql`INSERT INTO project_member (account_id, project_id, user_id)
      VALUES (${accountId}, ${projects[index]}, ${member.userId})`.execute(platform.db)
  }
  return member
}

const stop = (request: object = {}) => installOf(fleet, { action: 'STOP', licenseType: null, ...request })

async function begin(by: TestAccount, request: object = {}): Promise<string> {
  const { status, body } = await post(platform, by, { body: stop(request) })
  expect(status).toBe(201)
  return body.rolloutId
}

const act = async (by: TestAccount, rolloutId: string, deed: string) => {
  const { status, body } = await post(platform, by, { path: `/${rolloutId}/${deed}` })
  return [status, status === 200 ? body.state : body.requiredPermission]
}

const onlyDevice = (index: number) => ({ devices: { deviceIds: [fleet.devices[index]?.deviceId] } })

describe('a rollout is changed', () => {
  it('by nobody who sees a part of its devices only, whatever the deed', async () => {
    const [both, south] = [await memberOf(0, 1), await memberOf(1)]
    const waiting = await begin(both, { requireApproval: true })
    const running = await begin(both)
    expect((await platform.call(south, `GET /software/v1/rollouts/${running}`)).status).toBe(200)
    expect(await act(south, waiting, 'approve')).toEqual([403, 'projects:manage'])
    for (const deed of ['pause', 'resume', 'abort', 'rollback', 'close', 'retry']) {
      expect([deed, ...(await act(south, running, deed))]).toEqual([deed, 403, 'projects:manage'])
    }
    expect((await platform.call<Rollout>(both, `GET /software/v1/rollouts/${running}`)).body.state).toBe('RUNNING')
  })

  it('by whoever sees all of its devices', async () => {
    const [both, alsoBoth, south] = [await memberOf(0, 1), await memberOf(0, 1), await memberOf(1)]
    const running = await begin(both)
    expect(await act(alsoBoth, running, 'pause')).toEqual([200, 'PAUSED'])
    expect(await act(fleet.account, running, 'resume')).toEqual([200, 'RUNNING'])
    // made by somebody who sees more, but all of its devices are of a project that is shared
    const inSouth = await begin(both, onlyDevice(1))
    expect(await act(south, inSouth, 'abort')).toEqual([200, 'ABORTED'])
  })

  it('no more by its maker who no longer sees all of its devices', async () => {
    const both = await memberOf(0, 1)
    const running = await begin(both)
    await sql`DELETE FROM project_member WHERE user_id = ${both.userId} AND project_id = ${projects[0]}`.execute(
      platform.db,
    )
    platform.bearer.forget()
    expect(await act(both, running, 'abort')).toEqual([403, 'projects:manage'])
    expect(await act(fleet.account, running, 'abort')).toEqual([200, 'ABORTED'])
  })

  it('without regard to devices that have left the account', async () => {
    const [both, south] = [await memberOf(0, 1), await memberOf(1)]
    const running = await begin(both)
    await sql`DELETE FROM device WHERE account_id = ${fleet.account.accountId} AND device_id = ${fleet.devices[0]?.deviceId}`.execute(
      platform.db,
    )
    expect(await act(south, running, 'abort')).toEqual([200, 'ABORTED'])
  })

  it('while it takes in more, by those only who would see them too', async () => {
    const [both, south] = [await memberOf(0, 1), await memberOf(1)]
    const filter = { projectId: projects[1] }
    const open = await begin(both, { devices: { filter, keepOpen: true } })
    expect(await act(south, open, 'close')).toEqual([403, 'projects:manage'])
    expect(await act(both, open, 'close')).toEqual([200, 'RUNNING'])
    expect(await act(south, open, 'abort')).toEqual([200, 'ABORTED'])
  })

  it('by nobody of another account, nor of other projects, who do not see it at all', async () => {
    const north = await memberOf(0)
    const inNorth = await begin(north, onlyDevice(0))
    for (const other of [await memberOf(1), await platform.account()]) {
      expect(await act(other, inNorth, 'abort')).toEqual([404, null])
    }
  })
})
