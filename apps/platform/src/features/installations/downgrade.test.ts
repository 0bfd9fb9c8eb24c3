import type { AppConfiguration, AppDowngrade, DeviceDetail } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { reportOf } from '../../../test/installation-fixture.ts'
import {
  createInstallationBench,
  type InstallationBench,
  type InstallationScene,
  refusedByDevice,
} from '../../../test/installation-scene.ts'
import { deviceRoutes } from '../devices/device-routes.ts'
import { applyReports } from './apply-reports.ts'

let bench: InstallationBench
let scene: InstallationScene
beforeAll(async () => {
  bench = await createInstallationBench(() =>
    deviceRoutes({ unassigned: () => {}, tellShares: () => {}, nowMs: Date.now }),
  )
})
afterAll(() => bench?.platform.close())
beforeEach(async () => {
  scene = await bench.scene()
})

/** The camera lists the app in this version, or not at all; the work on the wish stands so. */
async function report(
  version: string | null,
  phase: 'WORKING' | 'CONVERGED' | 'FAILED' | null,
  { configuration, appDowngrade }: { configuration?: AppConfiguration; appDowngrade?: AppDowngrade } = {},
): Promise<void> {
  const { appId, device } = scene
  const error = phase === 'FAILED' ? refusedByDevice : null
  const work = phase && (await scene.work(phase, { error, ...(configuration ? { configuration } : {}) }))
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
  await applyReports(bench.platform.db, [batch])
}

async function installNewer(appDowngrade?: AppDowngrade): Promise<void> {
  await scene.install()
  await report('1.0.2', 'CONVERGED', appDowngrade ? { appDowngrade } : {})
}

test('a lower version is refused where nothing is known of the way back, asked for or not', async () => {
  const { install } = scene
  await installNewer()
  for (const allowDowngrade of [false, true]) {
    const refused = await install({ version: '1.0.1', allowDowngrade })
    expect([refused.status, refused.body.code]).toEqual([409, 'downgrade'])
    expect(refused.body.detail).toContain('cannot go back')
  }
})

test('a camera that removes the app for it says so before it is asked, and the wish carries the permission', async () => {
  const { device, call, install, wish } = scene
  await installNewer('REINSTALL')
  expect((await call<DeviceDetail>('GET', `/device/v1/devices/${device.deviceId}`)).body.appDowngrade).toBe('REINSTALL')
  const refused = await install({ version: '1.0.1' })
  expect([refused.status, refused.body.code]).toEqual([409, 'downgrade'])
  expect(refused.body.detail).toContain('its data is lost')
  const accepted = await install({ version: '1.0.1', allowDowngrade: true })
  expect([accepted.status, accepted.body.installationState]).toEqual([202, 'UPDATING'])
  expect(await wish()).toMatchObject({ allowDowngrade: true, package: { versionCode: 1 }, settled: false })
})

test('the license stays the same while the app is away, and the unit is never given back or taken twice', async () => {
  const { account, call, install, used } = scene
  await installNewer('REINSTALL')
  const licenseId = (await call('GET')).body.license?.licenseId
  await install({ version: '1.0.1', allowDowngrade: true })
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
    WHERE account_id = ${account.accountId} AND type = 'installation.reinstalled'`.execute(bench.platform.db)
  expect(rows).toEqual([{ data: { version: '1.0.1', configuration: 'RESTORED' } }])
})

test.each(['CONVERGED', 'FAILED'] as const)('the permission is over when the wish has %s', async (phase) => {
  const { device, install, wish } = scene
  await installNewer('REINSTALL')
  await install({ version: '1.0.1', allowDowngrade: true })
  await report(phase === 'FAILED' ? '1.0.2' : '1.0.1', phase)
  expect(await wish()).toMatchObject({ allowDowngrade: false, settled: true })
  await sql`UPDATE site SET repair = 'auto' WHERE site_id = ${device.siteId}`.execute(bench.platform.db)
  // a technician brings another version: repairing that removes nothing
  await report(phase === 'FAILED' ? '1.0.1' : '1.0.2', null)
  expect(await wish()).toMatchObject({ allowDowngrade: false, settled: false })
})

test('an app that was removed and whose older version was refused is told, can be put back, and keeps its unit', async () => {
  const { call, install, used } = scene
  await installNewer('REINSTALL')
  await install({ version: '1.0.1', allowDowngrade: true })
  await report(null, 'FAILED')
  expect((await call('GET')).body).toMatchObject({
    ...{ installationState: 'UPDATE_FAILED', drift: 'REMOVED', installedVersion: null, settled: true },
    error: { code: 'install-failed' },
  })
  expect(await used()).toBe(1)
  expect((await install({ version: '1.0.2' })).body).toMatchObject({ installationState: 'PENDING' })
  await report('1.0.2', 'CONVERGED', { configuration: 'LOST' })
  expect((await call('GET')).body).toMatchObject({ installationState: 'INSTALLED', installedVersion: '1.0.2' })
  expect(await used()).toBe(1)
})
