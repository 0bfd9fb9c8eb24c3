import { randomUUID } from 'node:crypto'
import type { AppConfiguration, AppDowngrade, DeviceDetail, Installation } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { addDevice, addOrder, publishApp, reportOf, type TestDevice } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import { deviceRoutes } from '../devices/device-routes.ts'
import { applyReports } from './apply-reports.ts'
import { readDesired } from './desired-state.ts'
import { installationRoutes } from './installation-routes.ts'
import { createInstallationService } from './installation-service.ts'

let platform: TestPlatform
let account: TestAccount
let device: TestDevice
let appId: string
let orderId: string

beforeAll(async () => {
  platform = await createTestPlatform(({ db }) => [
    ...installationRoutes({ installations: createInstallationService({ db, wake: () => {} }) }),
    ...deviceRoutes({ unassigned: () => {}, tellShares: () => {}, nowMs: Date.now }),
  ])
})
afterAll(() => platform?.close())
beforeEach(async () => {
  account = await platform.account()
  device = await addDevice(platform.db, account.accountId)
  appId = `com.example.${randomUUID().slice(0, 8)}`
  await publishApp(platform.db, { accountId: account.accountId, appId, versions: [1, 2] })
  orderId = await addOrder(platform.db, { accountId: account.accountId, appId, total: 2 })
})

const call = async <Body = Installation & { code?: string; detail?: string }>(
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path = `/software/v1/apps/${appId}/devices/${device.deviceId}`,
  payload?: object,
) => {
  const answer = await platform.app.inject({ method, url: path, payload, headers: account.headers })
  return { status: answer.statusCode, body: answer.json() as Body }
}
const put = (change: object) => call('PUT', undefined, { licenseType: 'FULL', ...change })
const wish = async () =>
  (await readDesired(platform.db, [{ accountId: account.accountId, deviceId: device.deviceId }]))[0]?.apps[0]
const used = async () =>
  (await sql<{ used: number }>`SELECT used FROM app_order WHERE order_id = ${orderId}`.execute(platform.db)).rows[0]
    ?.used

/** The camera lists the app in this version, or not at all; the work on the wish stands so. */
async function report(
  version: string | null,
  phase: 'WORKING' | 'CONVERGED' | 'FAILED' | null,
  { configuration, appDowngrade }: { configuration?: AppConfiguration; appDowngrade?: AppDowngrade } = {},
): Promise<void> {
  const error = {
    ...({ category: 'refused-by-device', code: 'install-failed', detail: 'No.', deviceCode: null } as const),
    ...{ retryable: false, at: '2026-01-01T00:00:00Z' },
  }
  const work =
    phase &&
    ({
      ...{ appId, revision: (await wish())?.revision ?? 0, phase, step: null, percent: null, stepSecondsLeft: null },
      ...{ error: phase === 'FAILED' ? error : null, ...(configuration ? { configuration } : {}) },
    } as const)
  const app = { appId, name: 'App', runningState: 'RUNNING', present: true, version, work } as const
  const batch = reportOf(device, version === null ? [] : [app], work ? [work] : [])
  const facts = { manufacturer: null, model: null, serialNumber: null, macAddress: null, firmwareVersion: null }
  for (const one of batch.reports) {
    one.facts = {
      ...facts,
      architecture: null,
      platformLevel: null,
      appFormats: ['apk'],
      appDowngrade: appDowngrade ?? null,
    }
  }
  await applyReports(platform.db, [batch])
}

async function installNewer(appDowngrade?: AppDowngrade): Promise<void> {
  await put({})
  await report('1.0.2', 'CONVERGED', appDowngrade ? { appDowngrade } : {})
}

test('a lower version is refused where nothing is known of the way back, asked for or not', async () => {
  await installNewer()
  for (const allowDowngrade of [false, true]) {
    const refused = await put({ version: '1.0.1', allowDowngrade })
    expect([refused.status, refused.body.code]).toEqual([409, 'downgrade'])
    expect(refused.body.detail).toContain('cannot go back')
  }
})

test('a camera that removes the app for it says so before it is asked, and the wish carries the permission', async () => {
  await installNewer('REINSTALL')
  expect((await call<DeviceDetail>('GET', `/device/v1/devices/${device.deviceId}`)).body.appDowngrade).toBe('REINSTALL')
  const refused = await put({ version: '1.0.1' })
  expect([refused.status, refused.body.code]).toEqual([409, 'downgrade'])
  expect(refused.body.detail).toContain('its data is lost')
  const accepted = await put({ version: '1.0.1', allowDowngrade: true })
  expect([accepted.status, accepted.body.installationState]).toEqual([202, 'UPDATING'])
  expect(await wish()).toMatchObject({ allowDowngrade: true, package: { versionCode: 1 }, settled: false })
})

test('the license stays the same while the app is away, and the unit is never given back or taken twice', async () => {
  await installNewer('REINSTALL')
  const licenseId = (await call('GET')).body.license?.licenseId
  await put({ version: '1.0.1', allowDowngrade: true })
  await report(null, 'WORKING')
  expect((await call('GET')).body).toMatchObject({ installationState: 'UPDATING', license: { licenseId } })
  expect(await used()).toBe(1)
  await report('1.0.1', 'CONVERGED', { configuration: 'RESTORED' })
  expect((await call('GET')).body).toMatchObject({
    ...{ installationState: 'INSTALLED', installedVersion: '1.0.1', settled: true, error: null },
    license: { licenseId },
  })
  expect(await used()).toBe(1)
  const { rows } = await sql<{ data: object }>`SELECT data FROM event
    WHERE account_id = ${account.accountId} AND type = 'installation.reinstalled'`.execute(platform.db)
  expect(rows).toEqual([{ data: { version: '1.0.1', configuration: 'RESTORED' } }])
})

test.each(['CONVERGED', 'FAILED'] as const)('the permission is over when the wish has %s', async (phase) => {
  await installNewer('REINSTALL')
  await put({ version: '1.0.1', allowDowngrade: true })
  await report(phase === 'FAILED' ? '1.0.2' : '1.0.1', phase)
  expect(await wish()).toMatchObject({ allowDowngrade: false, settled: true })
  await sql`UPDATE site SET repair = 'auto' WHERE site_id = ${device.siteId}`.execute(platform.db)
  // a technician brings another version: repairing that removes nothing
  await report(phase === 'FAILED' ? '1.0.1' : '1.0.2', null)
  expect(await wish()).toMatchObject({ allowDowngrade: false, settled: false })
})

test('an app that was removed and whose older version was refused is told, can be put back, and keeps its unit', async () => {
  await installNewer('REINSTALL')
  await put({ version: '1.0.1', allowDowngrade: true })
  await report(null, 'FAILED')
  expect((await call('GET')).body).toMatchObject({
    ...{ installationState: 'UPDATE_FAILED', drift: 'REMOVED', installedVersion: null, settled: true },
    error: { code: 'install-failed' },
  })
  expect(await used()).toBe(1)
  expect((await put({ version: '1.0.2' })).body).toMatchObject({ installationState: 'PENDING' })
  await report('1.0.2', 'CONVERGED', { configuration: 'LOST' })
  expect((await call('GET')).body).toMatchObject({ installationState: 'INSTALLED', installedVersion: '1.0.2' })
  expect(await used()).toBe(1)
})
