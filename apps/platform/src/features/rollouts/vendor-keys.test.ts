import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRolloutPlatform } from '../../../test/rollout-bench.ts'
import { installOf, makeFleet, post, stepAll } from '../../../test/rollout-fixture.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createRolloutPlatform()
})
afterAll(() => platform?.close())

test('a rollout of an app that runs on keys of the vendor takes no unit, and leaves out devices without a key', async () => {
  const { db } = platform
  const fleet = await makeFleet(platform, { devices: 3, units: 5 })
  const { accountId } = fleet.account
  const [first, second] = fleet.devices.map(({ deviceId }) => deviceId)
  await sql`UPDATE app_package SET format = 'eap', eap = '{"copyProtection":"axis"}' WHERE app_id = ${fleet.appId}`.execute(
    db,
  )
  await sql`UPDATE device SET app_formats = '{eap}', driver = 'vapix' WHERE account_id = ${accountId}`.execute(db)
  await sql`INSERT INTO license (account_id, app_id, device_id, license_type, issuer, state, token)
    SELECT ${accountId}::uuid, ${fleet.appId}, d, 'SUBSCRIPTION', 'VENDOR', 'VALID', '<k></k>'
    FROM unnest(${[first, second]}::text[]) d`.execute(db)

  const dryRun = await post(platform, fleet.account, { body: { ...installOf(fleet), dryRun: true } })
  expect(dryRun).toMatchObject({ status: 200, body: { units: { needed: 0, missing: 0 } } })
  const { status, body } = await post(platform, fleet.account, { body: installOf(fleet) })
  expect(status).toBe(201)
  await stepAll(db, body.rolloutId)

  const { rows: devices } = await sql<{ state: string; reason: string | null; held: string | null }>`
    SELECT rd.state, rd.reason, l.issuer AS held FROM rollout_device rd
    LEFT JOIN installation i ON i.account_id = ${accountId} AND i.device_id = rd.device_id AND i.app_id = ${fleet.appId}
    LEFT JOIN license l ON l.license_id = i.license_id
    WHERE rd.rollout_id = ${body.rolloutId} ORDER BY rd.device_id`.execute(db)
  const sent = { state: 'IN_FLIGHT', reason: null, held: 'VENDOR' }
  expect(devices).toEqual([sent, sent, { state: 'REJECTED', reason: 'vendor-license-missing', held: null }])
  const { rows: units } = await sql<{
    used: number
  }>`SELECT used FROM app_order WHERE order_id = ${fleet.orderId}`.execute(db)
  expect(units).toEqual([{ used: 0 }])
})

test('a rollout reserves units for those devices alone whose package runs on one', async () => {
  const { db } = platform
  const fleet = await makeFleet(platform, { devices: 3, units: 5 })
  const { accountId } = fleet.account
  const [axis] = fleet.devices.map(({ deviceId }) => deviceId)
  await sql`INSERT INTO app_package (app_id, version_code, format, size, sha256, eap)
    SELECT app_id, version_code, 'eap', 1, md5(random()::text), '{"copyProtection":"axis"}' FROM app_version WHERE app_id = ${fleet.appId}`.execute(
    db,
  )
  await sql`UPDATE device SET app_formats = '{eap}', driver = 'vapix' WHERE account_id = ${accountId} AND device_id = ${axis}`.execute(
    db,
  )
  const dryRun = await post(platform, fleet.account, { body: { ...installOf(fleet), dryRun: true } })
  expect(dryRun).toMatchObject({ status: 200, body: { units: { needed: 2, missing: 0 } } })
  const { status, body } = await post(platform, fleet.account, { body: installOf(fleet) })
  expect(status).toBe(201)
  await stepAll(db, body.rolloutId)
  const { rows } = await sql<{ reason: string | null; devices: number }>`
    SELECT reason, count(*)::int AS devices FROM rollout_device WHERE rollout_id = ${body.rolloutId} GROUP BY reason ORDER BY reason`.execute(
    db,
  )
  expect(rows).toEqual([
    { reason: 'vendor-license-missing', devices: 1 },
    { reason: null, devices: 2 },
  ])
})
