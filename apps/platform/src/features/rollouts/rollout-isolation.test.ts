import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRolloutPlatform } from '../../../test/rollout-bench.ts'
import { installOf, makeFleet, post, stepAll } from '../../../test/rollout-fixture.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'
import { eventRoutes } from '../events/event-routes.ts'
import { transferRoutes } from '../transfers/transfer-routes.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createRolloutPlatform(({ db, bearer, closing }) => [
    ...transferRoutes({ unassigned: () => {} }),
    ...eventRoutes({ db, log: pino({ level: 'silent' }), authenticate: bearer.authenticate, closing }),
  ])
})
afterAll(() => platform?.close())

it('gives back no license that has passed to another account with its device', async () => {
  const fleet = await makeFleet(platform, { devices: 1 })
  const receiver = await platform.account()
  const startAt = new Date(Date.now() + 3_600_000).toISOString()
  const { body: rollout } = await post(platform, fleet.account, { body: installOf(fleet, { schedule: { startAt } }) })
  const deviceId = fleet.devices[0]?.deviceId
  const offer = { deviceId, toAccountId: receiver.accountId, withLicenses: true }
  const { body: transfer } = await platform.call(fleet.account, 'POST /device/v1/transfers', offer)
  const accepted = await platform.call(receiver, `POST /device/v1/transfers/${transfer.transferId}/accept`)
  expect(accepted.status).toBe(200)
  await sql`UPDATE rollout SET start_at = now() WHERE rollout_id = ${rollout.rolloutId}`.execute(platform.db)
  await stepAll(platform.db, rollout.rolloutId)
  const { rows } = await sql`SELECT account_id, state FROM license WHERE device_id = ${deviceId}`.execute(platform.db)
  expect(rows).toEqual([{ account_id: receiver.accountId, state: 'RESERVED' }])
  expect(await platform.events(fleet.account.accountId)).not.toContain('license.released')
})

it('refuses cursors that were made up, and never answers with an error of its own', async () => {
  const account = await platform.account()
  const positions = ['99999999999999999999999/00000000-0000-4000-8000-000000000000', `1/${'-'.repeat(36)}`]
  for (const position of positions) {
    const cursor = Buffer.from(position).toString('base64url')
    const answer = await platform.call(account, `GET /software/v1/rollouts?cursor=${cursor}`)
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid-request'])
  }
})

it('is closed where its table says so, and the closing is told', async () => {
  const fleet = await makeFleet(platform, { devices: 1 })
  const open = installOf(fleet, { devices: { filter: {}, keepOpen: true } })
  const { body: rollout } = await post(platform, fleet.account, { body: open })
  const closed = await post(platform, fleet.account, { path: `/${rollout.rolloutId}/close` })
  expect([closed.status, closed.body.devices.keepOpen]).toEqual([200, false])
  expect(await platform.events(fleet.account.accountId)).toContain('rollout.closed')
  const { body: second } = await post(platform, fleet.account, { body: { ...open, action: 'STOP', licenseType: null } })
  await post(platform, fleet.account, { path: `/${second.rolloutId}/abort` })
  const late = await post(platform, fleet.account, { path: `/${second.rolloutId}/close` })
  expect([late.status, late.body.code]).toEqual([409, 'state-conflict'])
})
