import type { Preflight } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRolloutBench, type RolloutBench } from '../../../test/rollout-bench.ts'
import { installOf, makeFleet, post, unitsUsed } from '../../../test/rollout-fixture.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'
import type { Database } from '../../platform/database/database.ts'

let bench: RolloutBench
let platform: TestPlatform
let db: Database
beforeAll(async () => {
  bench = await createRolloutBench()
  platform = bench.platform
  db = platform.db
})
afterAll(() => bench?.platform.close())

describe('a dry run', () => {
  it('tells who refuses an unsigned package, and who may', async () => {
    const fleet = await makeFleet(platform, { devices: 3 })
    const [strict, silent] = fleet.devices.map(({ deviceId }) => deviceId)
    await sql`UPDATE app_package SET is_signed = false WHERE app_id = ${fleet.appId}`.execute(db)
    await sql`UPDATE device SET driver = 'vapix', firmware_version = '12.2.1' WHERE account_id = ${fleet.account.accountId}`.execute(
      db,
    )
    await sql`UPDATE device SET unsigned_apps = device_id <> ${strict} WHERE device_id <> ${silent} AND account_id = ${fleet.account.accountId}`.execute(
      db,
    )
    const { body } = await post(platform, fleet.account, { body: installOf(fleet, { dryRun: true }) })
    expect((body as Preflight).groups.map(({ verdict, reason, deviceIds }) => [verdict, reason, deviceIds])).toEqual([
      ['YES', 'ready', [fleet.devices[2]?.deviceId]],
      ['NO', 'signature-policy', [strict]],
      ['RISK', 'signature-policy', [silent]],
    ])
  })

  it('says for every device yes or no and why, and changes nothing', async () => {
    const fleet = await makeFleet(platform, { devices: 7, units: 2 })
    const ids = fleet.devices.map(({ deviceId }) => deviceId)
    const set = (deviceId: string | undefined, change: ReturnType<typeof sql>) =>
      sql`UPDATE device SET ${change} WHERE device_id = ${deviceId}`.execute(db)
    await sql`UPDATE app_package SET architectures = '{arm64-v8a}', min_platform_level = 29 WHERE app_id = ${fleet.appId}`.execute(
      db,
    )
    await set(ids[0], sql`architecture = 'armv7hf'`)
    await set(ids[1], sql`platform_level = 21`)
    await set(ids[2], sql`app_formats = '{eap}'`)
    await set(ids[3], sql`connectivity = 'OFFLINE', connectivity_reason = 'unreachable'`)
    await sql`INSERT INTO device (account_id, device_id, state) VALUES (${fleet.account.accountId}, 'unclaimed-1', 'UNCLAIMED')`.execute(
      db,
    )
    const { status, body } = await post(platform, fleet.account, { body: installOf(fleet, { dryRun: true }) })
    expect(status).toBe(200)
    const preflight = body as Preflight
    expect(preflight.groups.map(({ verdict, reason, deviceIds }) => [verdict, reason, deviceIds])).toEqual([
      ['YES', 'ready', ids.slice(4)],
      ['NO', 'architecture', [ids[0]]],
      ['LATER', 'device-offline', [ids[3]]],
      ['NO', 'device-unclaimed', ['unclaimed-1']],
      ['NO', 'package-format', [ids[2]]],
      ['NO', 'platform-level', [ids[1]]],
    ])
    expect(preflight).toMatchObject({ total: 8, ready: 3, units: { needed: 4, free: 2, missing: 2 } })
    expect(await unitsUsed(db, fleet)).toEqual({ used: 0, held: 0 })
  })
})
