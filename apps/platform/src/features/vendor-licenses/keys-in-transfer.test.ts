import { randomUUID } from 'node:crypto'
import type { Transfer } from '@ocelli/contract'
import { sql } from 'kysely'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { addDevice } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import { acceptPackages } from '../apps/package-upload.ts'
import { transferRoutes } from '../transfers/transfer-routes.ts'
import { vendorLicenseRoutes } from './vendor-license-routes.ts'

// A key is uploaded in the moment in which its device passes from one account to another.

let platform: TestPlatform
let giver: TestAccount
let receiver: TestAccount
let deviceId: string
let appId: string

beforeAll(async () => {
  platform = await createTestPlatform(
    () => [...vendorLicenseRoutes({ wake: () => {} }), ...transferRoutes({ unassigned: () => {} })],
    acceptPackages,
  )
})
afterAll(() => platform?.close())

beforeEach(async () => {
  const { db } = platform
  giver = await platform.account()
  receiver = await platform.account()
  appId = `app_${randomUUID().slice(0, 8)}`
  const eap = JSON.stringify({ copyProtection: 'axis', axisAppId: '415129' })
  await sql`INSERT INTO app (app_id, account_id, name, visibility) VALUES (${appId}, ${giver.accountId}, 'App', 'LISTED')`.execute(
    db,
  )
  await sql`INSERT INTO app_version (app_id, version_code, version) VALUES (${appId}, 1, '1.0.0')`.execute(db)
  await sql`INSERT INTO app_package (app_id, version_code, format, size, sha256, eap, is_signed)
    VALUES (${appId}, 1, 'eap', 10, ${appId}, ${eap}::jsonb, true)`.execute(db)
  await addDevice(db, giver.accountId)
  deviceId = randomUUID().replaceAll('-', '').slice(0, 12).toUpperCase()
  await sql`UPDATE device SET device_id = ${deviceId} WHERE account_id = ${giver.accountId}`.execute(db)
})

async function upload(by: TestAccount, more = '') {
  const answer = await platform.app.inject({
    ...{ method: 'POST', url: `/license/v1/vendor-licenses?appId=${appId}` },
    payload: `<LicenseKey><DeviceID>${deviceId}</DeviceID>${more}</LicenseKey>`,
    headers: { ...by.headers, 'content-type': 'application/octet-stream' },
  })
  return { status: answer.statusCode, result: answer.json().files?.[0]?.result ?? answer.json().code }
}

/** Accepts the device, and uploads the key while that waits for its last table; gives both answers. */
async function uploadWhileAccepting(by: TestAccount, more = '') {
  const offer = { deviceId, toAccountId: receiver.accountId, withLicenses: true }
  const { body } = await platform.call<Transfer>(giver, 'POST /device/v1/transfers', offer)
  const blocker = new Client({ connectionString: platform.connectionString })
  await blocker.connect()
  try {
    await blocker.query('BEGIN; LOCK TABLE trial_issued IN ACCESS EXCLUSIVE MODE')
    const accepting = platform.call(receiver, `POST /device/v1/transfers/${body.transferId}/accept`)
    await waiting(1)
    let isDone = false
    const uploading = upload(by, more).finally(() => {
      isDone = true
    })
    await Promise.race([uploading, waiting(2, () => isDone)])
    await blocker.query('COMMIT')
    const [accepted, uploaded] = await Promise.all([accepting, uploading])
    return { accepted: accepted.status, uploaded }
  } finally {
    await blocker.end()
  }
}

/** Until so many statements of this database wait for a lock. */
const waiting = (count: number, isOver = () => false) =>
  expect
    .poll(
      async () => {
        const { rows } = await sql<{ n: number }>`SELECT count(*)::int AS n FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(platform.db)
        return isOver() || (rows[0]?.n ?? 0) >= count
      },
      { timeout: 30_000, interval: 20 },
    )
    .toBe(true)

const held = async () => {
  const { rows } = await sql`SELECT account_id AS "accountId", renewal FROM license
    WHERE device_id = ${deviceId} AND state = 'VALID'`.execute(platform.db)
  return rows
}

test('by the receiver, who sees the device already: it takes the place of the key that came with the device', async () => {
  await sql`INSERT INTO device (account_id, device_id, state) VALUES (${receiver.accountId}, ${deviceId}, 'UNCLAIMED')`.execute(
    platform.db,
  )
  await upload(giver)
  const newer = '<ExpirationDate>2099-01-01</ExpirationDate>'
  expect(await uploadWhileAccepting(receiver, newer)).toEqual({
    ...{ accepted: 200, uploaded: { status: 200, result: 'RENEWED' } },
  })
  expect(await held()).toEqual([{ accountId: receiver.accountId, renewal: 1 }])
})

test('by the giver: the device is gone, and no key is left behind without one', async () => {
  expect(await uploadWhileAccepting(giver)).toEqual({
    ...{ accepted: 200, uploaded: { status: 200, result: 'UNKNOWN_DEVICE' } },
  })
  expect(await held()).toEqual([])
})
