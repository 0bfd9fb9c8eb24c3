import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addDevice, addOrder, publishApp } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestPlatform } from '../../../test/test-platform.ts'
import { byPlatform } from '../../platform/events/emit.ts'
import { carryOutChanges } from './carry-out.ts'

let platform: TestPlatform
beforeAll(async () => {
  platform = await createTestPlatform(() => [])
})
afterAll(() => platform?.close())

/** An install on a license that the device held when the request was judged. */
async function installOn(state: 'RESERVED' | 'VALID' | 'RELEASED' | 'EXPIRED', ofStranger = false) {
  const { db } = platform
  const { accountId } = await platform.account()
  const { deviceId } = await addDevice(db, accountId)
  const appId = `com.example.${randomUUID().slice(0, 8)}`
  await publishApp(db, { accountId, appId, versions: [1] })
  const holder = ofStranger ? (await platform.account()).accountId : accountId
  const orderId = await addOrder(db, { accountId: holder, appId, total: 1 })
  const { rows } = await sql<{ licenseId: string; packageId: string }>`
    WITH l AS (INSERT INTO license (account_id, app_id, device_id, license_type, order_id, state, token)
      VALUES (${holder}, ${appId}, ${deviceId}, 'FULL', ${orderId}, ${state}, ${state === 'RESERVED' ? null : 'token'}) RETURNING license_id)
    SELECT l.license_id AS "licenseId", p.package_id AS "packageId" FROM l, app_package p WHERE p.app_id = ${appId}`.execute(
    db,
  )
  const { licenseId = '', packageId = '' } = rows[0] ?? {}
  const set = { presence: 'PRESENT', packageId, desiredRunningState: null, allowDowngrade: false } as const
  const decision = { kind: 'change', set: { ...set, installationState: 'PENDING' } } as const
  const change = {
    ...{ accountId, pair: { appId, deviceId }, expectedRevision: 0, projectIds: [], origin: byPlatform },
    ...{ decision: { ...decision, license: { kind: 'use' as const, licenseId } }, unit: null, queued: false },
  }
  return (await carryOutChanges(db, new Map([['install', change]]))).get('install')
}

test.each(['RESERVED', 'VALID'] as const)('a wish stands on a license that is %s', async (state) => {
  expect(await installOn(state)).toMatchObject({ installationState: 'PENDING', revision: 1 })
})

test.each(['RELEASED', 'EXPIRED'] as const)(
  'a license that has become %s meanwhile has it decided again',
  async (state) => {
    expect(await installOn(state)).toBeUndefined()
  },
)

test('a wish never stands on a license of another account', async () => {
  expect(await installOn('VALID', true)).toBeUndefined()
})
