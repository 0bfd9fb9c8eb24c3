import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addDevice, reportOf, type TestDevice } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestPlatform } from '../../../test/test-platform.ts'
import { applyReports } from './apply-reports.ts'

let platform: TestPlatform
let accountId = ''
beforeAll(async () => {
  platform = await createTestPlatform(async () => [])
  accountId = (await platform.account({ permissions: [] })).accountId
})
afterAll(() => platform?.close())

/** The device's row as it was written last, and what the channel knows. */
async function rowsOf({ deviceId }: TestDevice) {
  const { rows } = await sql<{ version: string; model: string | null; seq: number; gatewayId: string | null }>`
    SELECT d.xmin::text AS version, d.model, c.report_seq AS seq, c.gateway_id AS "gatewayId"
    FROM device d JOIN device_channel c ON c.account_id = d.account_id AND c.device_id = d.device_id
    WHERE d.device_id = ${deviceId}`.execute(platform.db)
  const [row] = rows
  if (!row) throw new Error('Every device has a row of the channel.')
  return row
}

const facts = {
  ...{ manufacturer: 'Example', model: 'One', serialNumber: null, macAddress: null, firmwareVersion: '1' },
  ...{ architecture: null, platformLevel: 30, appFormats: ['apk'] },
}

describe('a report', () => {
  it('writes the device once for what is new, and not again for the same', async () => {
    const device = await addDevice(platform.db, accountId)
    const say = async (more: object = {}) => {
      const batch = reportOf(device, null, [])
      const reports = batch.reports.map((report) => ({
        ...{ ...report, facts, ...more },
        connectivity: { ...report.connectivity, lastAnswerSecondsAgo: null },
      }))
      await applyReports(platform.db, [{ ...batch, reports }])
      return await rowsOf(device)
    }
    const first = await say()
    expect(first).toMatchObject({ model: 'One', seq: 1 })
    expect(await say()).toEqual({ ...first, seq: 2 })
    const other = await say({ facts: { ...facts, model: 'Two' } })
    expect(other).toMatchObject({ model: 'Two', seq: 3 })
    expect(other.version).not.toBe(first.version)
  })

  it('tells a last answer that is later than the known one, and no earlier one', async () => {
    const device = await addDevice(platform.db, accountId)
    const minutesAgoAfter = async (knownMinutesAgo: number) => {
      await sql`UPDATE device SET last_seen_at = now() - make_interval(mins => ${knownMinutesAgo}) WHERE device_id = ${device.deviceId}`.execute(
        platform.db,
      )
      await applyReports(platform.db, [reportOf(device, null, [])])
      const { rows } = await sql<{
        minutes: number
      }>`SELECT extract(epoch FROM now() - last_seen_at)::float8 / 60 AS minutes
        FROM device WHERE device_id = ${device.deviceId}`.execute(platform.db)
      return rows[0]?.minutes ?? Number.NaN
    }
    // one that differs in nothing else
    await minutesAgoAfter(0)
    expect(await minutesAgoAfter(60)).toBeLessThan(30)
    expect(await minutesAgoAfter(-60)).toBeLessThan(-30)
  })
})

describe('the row of the channel', () => {
  it('goes with its device: to another gateway, to none, and away', async () => {
    const device = await addDevice(platform.db, accountId)
    const { gatewayId, siteId } = await addDevice(platform.db, accountId)
    const change = (set: ReturnType<typeof sql>) =>
      sql`UPDATE device SET ${set} WHERE device_id = ${device.deviceId}`.execute(platform.db)
    expect((await rowsOf(device)).gatewayId).toBe(device.gatewayId)
    await change(sql`gateway_id = ${gatewayId}, site_id = ${siteId}`)
    expect((await rowsOf(device)).gatewayId).toBe(gatewayId)
    await change(sql`state = 'UNCLAIMED'`)
    expect((await rowsOf(device)).gatewayId).toBeNull()
    await sql`DELETE FROM device WHERE device_id = ${device.deviceId}`.execute(platform.db)
    const left = sql`SELECT 1 FROM device_channel WHERE device_id = ${device.deviceId}`.execute(platform.db)
    expect((await left).rows).toEqual([])
  })
})
