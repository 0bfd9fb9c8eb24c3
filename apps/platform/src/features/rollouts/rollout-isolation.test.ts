import type { RolloutDevicePage, Transfer } from '@ocelli/contract'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRolloutPlatform } from '../../../test/rollout-bench.ts'
import { installOf, makeFleet, post, stepAll } from '../../../test/rollout-fixture.ts'
import { noLimits, type TestPlatform } from '../../../test/test-platform.ts'
import { eventRoutes } from '../events/event-routes.ts'
import { transferRoutes } from '../transfers/transfer-routes.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createRolloutPlatform(({ db, bearer, closing }) => [
    ...transferRoutes({ unassigned: () => {} }),
    ...eventRoutes({ ...noLimits, db, log: pino({ level: 'silent' }), authenticate: bearer.authenticate, closing }),
  ])
})
afterAll(() => platform?.close())

it('loses a device that goes to another account, and keeps the unit that it has reserved for it', async () => {
  const fleet = await makeFleet(platform, { devices: 1 })
  const receiver = await platform.account()
  const startAt = new Date(Date.now() + 3_600_000).toISOString()
  const { body: rollout } = await post(platform, fleet.account, { body: installOf(fleet, { schedule: { startAt } }) })
  const deviceId = fleet.devices[0]?.deviceId
  // what is only reserved holds no device back
  const offer = { deviceId, toAccountId: receiver.accountId, withLicenses: false }
  const { body: transfer } = await platform.call<Transfer>(fleet.account, 'POST /device/v1/transfers', offer)
  const accepted = await platform.call(receiver, `POST /device/v1/transfers/${transfer.transferId}/accept`)
  expect(accepted.status).toBe(200)
  await sql`UPDATE rollout SET start_at = now() WHERE rollout_id = ${rollout.rolloutId}`.execute(platform.db)
  await stepAll(platform.db, rollout.rolloutId)
  const { rows } = await sql`SELECT account_id, state FROM license WHERE device_id = ${deviceId}`.execute(platform.db)
  expect(rows).toEqual([{ account_id: fleet.account.accountId, state: 'RELEASED' }])
  const { rows: orders } =
    await sql`SELECT account_id, total, used FROM app_order WHERE app_id = ${fleet.appId}`.execute(platform.db)
  expect(orders).toEqual([{ account_id: fleet.account.accountId, total: 1, used: 0 }])
  const events = await platform.events(fleet.account.accountId)
  expect(events.filter((type) => type === 'license.released')).toHaveLength(1)
  expect(await platform.events(receiver.accountId)).not.toContain('license.transferred')
  const device = await platform.call<RolloutDevicePage>(
    fleet.account,
    `GET /software/v1/rollouts/${rollout.rolloutId}/devices`,
  )
  expect(device.body.items).toMatchObject([{ deviceId, state: 'CANCELLED', reason: 'device-gone' }])
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
