import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { installGate, whileHeld } from '../../../test/held-statement.ts'
import { createRolloutPlatform } from '../../../test/rollout-bench.ts'
import {
  finish,
  inFlight,
  installOf,
  makeFleet,
  post,
  stepAll,
  type TestFleet,
  unitsUsed,
} from '../../../test/rollout-fixture.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'
import type { Database } from '../../platform/database/database.ts'
import { installationRoutes } from '../installations/installation-routes.ts'
import { createInstallationService } from '../installations/installation-service.ts'

/**
 * What may happen to a device while a rollout admits it, and what becomes of it:
 *
 * | while | happens | the device |
 * | --- | --- | --- |
 * | it is locked | a person removes the app | is decided on as a request after that would be |
 * | it is locked | a person starts or stops the app | is updated, and keeps the person's wish |
 * | it is locked | it is given free, or to another account | is rejected or cancelled, and nothing is written |
 * | it is locked | its license is given back | gets a unit, or is rejected for want of one |
 * | it is read | its license is given back, without a word to the device | waits for the next step, and is decided on anew |
 */
const locking = 'SKIP LOCKED'
const reading = 'AS "isInFlightElsewhere"'

let platform: TestPlatform
let db: Database
let fleet: TestFleet
let deviceId: string

beforeAll(async () => {
  platform = await createRolloutPlatform(({ db: database }) =>
    installationRoutes({ installations: createInstallationService({ db: database, wake: () => {} }) }),
  )
  db = platform.db
  await installGate(db)
})
afterAll(() => platform?.close())
beforeEach(async () => {
  fleet = await makeFleet(platform, { devices: 1, sites: 1, units: 2 })
  deviceId = fleet.devices[0]?.deviceId ?? ''
})

async function begin(request: Parameters<typeof installOf>[1]): Promise<string> {
  const { status, body } = await post(platform, fleet.account, { body: installOf(fleet, request) })
  expect([status, body.detail]).toEqual([201, undefined])
  return body.rolloutId
}

/** Steps the rollout once, and does the rest while it reads or writes its device. */
const admitWhile = (rolloutId: string, marked: string, meanwhile: () => Promise<unknown>) =>
  whileHeld(db, { marked, meanwhile, work: () => stepAll(db, rolloutId) })

/** The app in version 1.0.1, installed by a person. */
async function installed(): Promise<void> {
  expect((await ask('PUT', '', { licenseType: 'FULL', version: '1.0.1' })).status).toBe(202)
  await settle('1.0.1')
}
async function settle(version: string, present = true): Promise<void> {
  const { rows } = await sql<{
    revision: number
  }>`SELECT revision FROM device_channel WHERE device_id = ${deviceId}`.execute(db)
  await finish(db, fleet, [{ deviceId, revision: rows[0]?.revision ?? 0, version, present }])
}
async function ask(method: 'PUT' | 'POST' | 'DELETE', path = '', payload?: object) {
  const url = `/software/v1/apps/${fleet.appId}/devices/${deviceId}${path}`
  const answer = await platform.app.inject({
    method,
    url,
    headers: fleet.account.headers,
    ...(payload ? { payload } : {}),
  })
  return { status: answer.statusCode, body: answer.json() }
}
async function place(rolloutId: string) {
  const { rows } = await sql<{ state: string; reason: string | null }>`
    SELECT state, reason FROM rollout_device WHERE rollout_id = ${rolloutId}`.execute(db)
  return rows[0]
}
async function wish() {
  const { rows } = await sql<{ presence: string | null; desiredRunningState: string | null; license: string | null }>`
    SELECT i.presence, i.desired_running_state AS "desiredRunningState", l.state AS license
    FROM installation i LEFT JOIN license l USING (license_id) WHERE i.device_id = ${deviceId}`.execute(db)
  return rows[0] ?? null
}
/** A license for the device that the rollout finds when it is made, so that it reserves none. */
async function holdLicense(): Promise<string> {
  const { rows } = await sql<{ license_id: string }>`
    INSERT INTO license (account_id, app_id, device_id, license_type, order_id, state)
    VALUES (${fleet.account.accountId}, ${fleet.appId}, ${deviceId}, 'FULL', ${fleet.orderId}, 'RESERVED') RETURNING license_id`.execute(
    db,
  )
  return rows[0]?.license_id ?? ''
}
const release = (licenseId: string) =>
  sql`UPDATE license SET state = 'RELEASED', released_at = now() WHERE license_id = ${licenseId}`.execute(db)

test.each(['UPDATE', 'START'] as const)(
  'a %s does not bring back an app that a person removes meanwhile',
  async (action) => {
    await installed()
    const rolloutId = await begin({ action, licenseType: null })
    await admitWhile(rolloutId, locking, async () => expect((await ask('DELETE')).status).toBe(202))
    expect(await wish()).toMatchObject({ presence: 'ABSENT' })
    expect(await place(rolloutId)).toEqual({ state: 'REJECTED', reason: 'app-not-installed' })
  },
)

test('an update keeps the running state that a person asks for meanwhile', async () => {
  await installed()
  const rolloutId = await begin({ action: 'UPDATE', licenseType: null })
  await admitWhile(rolloutId, locking, async () => expect((await ask('POST', '/state/RUNNING')).status).toBe(202))
  expect(await place(rolloutId)).toMatchObject({ state: 'IN_FLIGHT' })
  expect(await wish()).toMatchObject({ presence: 'PRESENT', desiredRunningState: 'RUNNING' })
})

test('a device that is given free meanwhile is rejected, and one that goes to another account is cancelled', async () => {
  const rolloutId = await begin({})
  await admitWhile(rolloutId, locking, () =>
    sql`UPDATE device SET state = 'UNCLAIMED', gateway_id = NULL, site_id = NULL, claimed_at = NULL WHERE device_id = ${deviceId}`.execute(
      db,
    ),
  )
  expect(await place(rolloutId)).toEqual({ state: 'REJECTED', reason: 'device-unclaimed' })
  expect(await wish()).toBeNull()

  fleet = await makeFleet(platform, { devices: 1, sites: 1, units: 2 })
  deviceId = fleet.devices[0]?.deviceId ?? ''
  const other = await begin({})
  await admitWhile(other, locking, () => sql`DELETE FROM device WHERE device_id = ${deviceId}`.execute(db))
  expect(await place(other)).toEqual({ state: 'CANCELLED', reason: 'device-gone' })
  expect(await wish()).toBeNull()
  expect(await unitsUsed(db, fleet)).toEqual({ used: 0, held: 0 })
})

test.each([
  ['locked', locking],
  ['read', reading],
])('an install on a license that is given back while the device is %s takes a unit', async (_when, marked) => {
  const licenseId = await holdLicense()
  const rolloutId = await begin({})
  expect(await unitsUsed(db, fleet)).toEqual({ used: 1, held: 1 })
  await admitWhile(rolloutId, marked, () => release(licenseId))
  await stepAll(db, rolloutId)
  expect(await inFlight(db, rolloutId)).toHaveLength(1)
  expect(await wish()).toMatchObject({ presence: 'PRESENT', license: 'RESERVED' })
  expect(await unitsUsed(db, fleet)).toEqual({ used: 1, held: 1 })
})

test('a start is not written for an app whose license ends meanwhile', async () => {
  await installed()
  const rolloutId = await begin({ action: 'START', licenseType: null })
  await admitWhile(rolloutId, reading, () =>
    sql`UPDATE license SET state = 'EXPIRED', expired_at = now() WHERE device_id = ${deviceId}`.execute(db),
  )
  await stepAll(db, rolloutId)
  expect(await place(rolloutId)).toEqual({ state: 'REJECTED', reason: 'license-expired' })
  expect(await wish()).toMatchObject({ desiredRunningState: null })
})
