import { randomUUID } from 'node:crypto'
import type { DeviceFacts, Installation } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { addDevice, addOrder, reportOf, type TestDevice } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import { licenseKeys } from '../../platform/keys/instance-keys.ts'
import { createVault } from '../../platform/keys/master-key.ts'
import { licenseRoutes } from '../licenses/license-routes.ts'
import { applyReports } from './apply-reports.ts'
import { readDesired } from './desired-state.ts'
import { installationRoutes } from './installation-routes.ts'
import { createInstallationService } from './installation-service.ts'

let platform: TestPlatform
let account: TestAccount
let device: TestDevice
let appId: string

beforeAll(async () => {
  platform = await createTestPlatform(async ({ db }) => [
    ...installationRoutes({ installations: createInstallationService({ db, wake: () => {} }) }),
    ...licenseRoutes({ keys: await licenseKeys(db, createVault(Buffer.alloc(32, 7)), Date.now()) }),
  ])
})
afterAll(() => platform?.close())

beforeEach(async () => {
  account = await platform.account()
  device = await addDevice(platform.db, account.accountId)
  appId = `app_${randomUUID().slice(0, 8)}`
  await sql`INSERT INTO app (app_id, account_id, name) VALUES (${appId}, ${account.accountId}, 'App')`.execute(
    platform.db,
  )
  await publish(1, ['aarch64', 'armv7hf', 'mips'])
  await addOrder(platform.db, { accountId: account.accountId, appId, total: 5 })
})

async function publish(code: number, architectures: string[], isSigned = false) {
  await sql`INSERT INTO app_version (app_id, version_code, version) VALUES (${appId}, ${code}, ${`1.0.${code}`})
    ON CONFLICT DO NOTHING`.execute(platform.db)
  for (const name of architectures) {
    await sql`INSERT INTO app_package (app_id, version_code, format, architectures, size, sha256, eap, is_signed)
      VALUES (${appId}, ${code}, 'eap', ${[name]}, 10, ${`${appId}-${code}-${name}`}, '{}', ${isSigned})`.execute(
      platform.db,
    )
  }
}

const axis: DeviceFacts = {
  ...{ manufacturer: 'AXIS', model: 'M1065-LW', serialNumber: 'ACCC8E000001', macAddress: null },
  ...{ firmwareVersion: '9.80.1', architecture: 'armv7hf', platformLevel: null, appFormats: ['eap'] },
}

async function report(facts: DeviceFacts, version: string | null = null, isConverged = false) {
  const [desired] = await readDesired(platform.db, [{ accountId: account.accountId, deviceId: device.deviceId }])
  const revision = desired?.apps[0]?.revision ?? 0
  const settled = {
    appId,
    revision,
    phase: 'CONVERGED',
    step: null,
    percent: null,
    stepSecondsLeft: null,
    error: null,
  } as const
  const work = isConverged ? settled : null
  const app = { appId, name: 'App', runningState: 'NOT_RUNNING', present: true, work } as const
  const batch = reportOf(device, version === null ? null : [{ ...app, version }], work === null ? [] : [work])
  for (const one of batch.reports) one.facts = facts
  await applyReports(platform.db, [batch])
}

const call = async (method: 'PUT' | 'POST' | 'GET', payload?: object) => {
  const url = `/software/v1/apps/${appId}/devices/${device.deviceId}`
  const answer = await platform.app.inject({ method, url, payload, headers: account.headers })
  return { status: answer.statusCode, body: answer.json() as Installation & { code?: string; detail?: string } }
}

async function desiredSha256(): Promise<string | undefined> {
  const [desired] = await readDesired(platform.db, [{ accountId: account.accountId, deviceId: device.deviceId }])
  return desired?.apps[0]?.package?.sha256
}

test('a camera gets the package of its architecture', async () => {
  await report(axis)
  expect((await call('PUT', { licenseType: 'FULL' })).status).toBe(202)
  expect(await desiredSha256()).toBe(`${appId}-1-armv7hf`)
})

test('a camera that begins to take signed apps only is told why an unsigned one does not fit', async () => {
  await report({ ...axis, unsignedApps: true })
  await report({ ...axis, unsignedApps: false })
  expect(await call('PUT', { licenseType: 'FULL' })).toMatchObject({
    status: 409,
    body: { code: 'incompatible', detail: expect.stringContaining('is not signed') },
  })
  await publish(1, ['armv7hf'], true)
  expect((await call('PUT', { licenseType: 'FULL' })).status).toBe(202)
})

test('facts that a report leaves out stay as they were', async () => {
  await report({ ...axis, unsignedApps: false })
  await report(axis)
  expect((await call('PUT', { licenseType: 'FULL' })).body).toMatchObject({ code: 'incompatible' })
})

test('an app is known by its version as old cameras list it, and is adopted with the own package', async () => {
  await publish(2, ['armv7hf'])
  await report(axis, '1.0-1')
  expect((await call('GET')).body).toMatchObject({ managed: false, installedVersion: '1.0-1' })
  expect((await call('PUT', { licenseType: 'FULL', version: '1.0.1' })).status).toBe(202)
  expect(await desiredSha256()).toBe(`${appId}-1-armv7hf`)
  await report(axis, '1.0-1', true)
  expect((await call('GET')).body).toMatchObject({ managed: true, updatable: true })
})

test('an update becomes possible when the version of AXIS OS fits, and only then', async () => {
  await report(axis)
  await call('PUT', { licenseType: 'FULL' })
  await publish(2, ['armv7hf'])
  await sql`UPDATE app_package SET os_versions = '[{"min": "10.12", "max": "12"}]' WHERE app_id = ${appId} AND version_code = 2`.execute(
    platform.db,
  )
  await report(axis, '1.0.1')
  expect((await call('GET')).body.updatable).toBe(false)
  await report({ ...axis, firmwareVersion: '12.4.30' }, '1.0.1')
  expect((await call('GET')).body.updatable).toBe(true)
  expect((await call('POST')).status).toBe(202)
  expect(await desiredSha256()).toBe(`${appId}-2-armv7hf`)
})

test.each([
  ['none', null, 'NOBODY'],
  ['custom', { kind: 'APP_PATH', path: 'license' }, 'APP'],
  ['none', { kind: 'CAMERA' }, 'CAMERA'],
])('it is told who looks at the license: protected by %s, placed at %j: %s', async (copyProtection, placement, who) => {
  await sql`UPDATE app_package SET eap = ${JSON.stringify({ copyProtection })}::jsonb WHERE app_id = ${appId}`.execute(
    platform.db,
  )
  await sql`UPDATE app SET license_placement = ${placement && JSON.stringify(placement)}::jsonb WHERE app_id = ${appId}`.execute(
    platform.db,
  )
  if (who === 'CAMERA') {
    await sql`INSERT INTO license (account_id, app_id, device_id, license_type, issuer, state, token)
      VALUES (${account.accountId}, ${appId}, ${device.deviceId}, 'FULL', 'VENDOR', 'VALID', '<k></k>')`.execute(
      platform.db,
    )
  }
  await report(axis)
  await sql`UPDATE device SET driver = 'vapix' WHERE device_id = ${device.deviceId}`.execute(platform.db)
  expect((await call('GET')).body.licenseCheckedBy).toBeNull()
  expect((await call('PUT', { licenseType: 'FULL' })).body).toMatchObject({ licenseCheckedBy: who })
  expect(await listed()).toMatchObject([{ appId, licenseCheckedBy: who }])
  expect(await licenses()).toMatchObject([{ licenseCheckedBy: who }])
})

test('it is told per camera: an ONVIF camera looks at the license that an Axis camera does not', async () => {
  await sql`UPDATE app_package SET eap = '{"copyProtection":"none"}' WHERE app_id = ${appId}`.execute(platform.db)
  await sql`INSERT INTO app_package (app_id, version_code, format, size, sha256, is_signed)
    VALUES (${appId}, 1, 'apk', 10, ${`${appId}-apk`}, true)`.execute(platform.db)
  for (const [driver, format, who] of [
    ['vapix', 'eap', 'NOBODY'],
    ['onvif', 'apk', 'CAMERA'],
  ]) {
    device = await addDevice(platform.db, account.accountId)
    await sql`UPDATE device SET driver = ${driver}, app_formats = ARRAY[${format}] WHERE device_id = ${device.deviceId}`.execute(
      platform.db,
    )
    expect((await call('PUT', { licenseType: 'FULL' })).body).toMatchObject({ licenseCheckedBy: who })
    expect(await licenses()).toMatchObject([{ licenseCheckedBy: who }])
  }
})

test('of an app that nobody has published here it is not known who looks', async () => {
  appId = 'put_there_by_hand'
  await report(axis, '1.0.0')
  expect(await listed()).toMatchObject([{ appId, managed: false, licenseCheckedBy: null }])
})

const listed = async () =>
  (await platform.call(account, `GET /device/v1/devices/${device.deviceId}/apps`)).body as Installation[]
const licenses = async () =>
  (await platform.call(account, `GET /license/v1/licenses/apps/${appId}/devices/${device.deviceId}`)).body
