import { randomUUID } from 'node:crypto'
import type { License } from '@ocelli/contract'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { addDevice, addOrder } from '../../../test/installation-fixture.ts'
import {
  createInstallationBench,
  type InstallationBench,
  type InstallationScene,
  refusedByDevice,
} from '../../../test/installation-scene.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'

let bench: InstallationBench
let platform: TestPlatform
let scene: InstallationScene
beforeAll(async () => {
  bench = await createInstallationBench()
  platform = bench.platform
})
afterAll(() => bench?.platform.close())
beforeEach(async () => {
  scene = await bench.scene()
})

describe('installing', () => {
  it('takes one unit, asks the gateway for it, and ends installed', async () => {
    const { appId, call, install, wishes, work, report, reportApp, askLicense, used } = scene
    const { status, body } = await install()
    expect(status).toBe(202)
    expect(body).toMatchObject({ installationState: 'PENDING', settled: false, targetVersion: '1.0.2', managed: true })
    expect(await used()).toBe(1)
    expect(await wishes()).toMatchObject([
      { appId, presence: 'PRESENT', settled: false, package: { version: '1.0.2' } },
    ])
    const working = await work('WORKING', { step: 'UPLOAD', percent: 40, stepSecondsLeft: 60 })
    await report(null, [working])
    expect((await call('GET')).body).toMatchObject({
      installationState: 'INSTALLING',
      progress: { step: 'UPLOAD', percent: 40 },
    })
    expect((await askLicense()).license).toMatch(/^ey/)
    await reportApp('1.0.2', await work('CONVERGED'))
    expect((await call('GET')).body).toMatchObject({
      installationState: 'INSTALLED',
      settled: true,
      installedVersion: '1.0.2',
      runningState: 'NOT_RUNNING',
      license: { licenseType: 'FULL' },
    })
    expect((await install()).status).toBe(200)
    expect(await used()).toBe(1)
  })

  it('answers 202 and changes nothing when the same wish comes while it is worked on', async () => {
    const { install, used } = scene
    const first = await install()
    const second = await install()
    expect(second.status).toBe(202)
    expect(second.body.revision).toBe(first.body.revision)
    expect(await used()).toBe(1)
  })

  it('gives the first answer again for the same Idempotency-Key and refuses another request with it', async () => {
    const { path, call } = scene
    const headers = { 'idempotency-key': randomUUID() }
    const first = await call('PUT', path, { licenseType: 'FULL' }, headers)
    const again = await call('PUT', path, { licenseType: 'FULL' }, headers)
    expect([again.status, again.body]).toEqual([first.status, first.body])
    expect((await call('PUT', path, { licenseType: 'TRIAL' }, headers)).body.code).toBe('idempotency-key-reused')
  })

  it('lets exactly one of many racing for the last unit win', async () => {
    const { account, appId, call, used } = scene
    const devices = await Promise.all(Array.from({ length: 8 }, () => addDevice(platform.db, account.accountId)))
    const answers = await Promise.all(
      devices.map((item) =>
        call('PUT', `/software/v1/apps/${appId}/devices/${item.deviceId}`, { licenseType: 'FULL' }),
      ),
    )
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(2)
    expect(answers.filter(({ body }) => body.code === 'no-free-license')).toHaveLength(6)
    expect(await used()).toBe(2)
  })

  it('refuses a device that is offline unless the wish may wait', async () => {
    const { device, path, call, install, used } = scene
    await platform.db
      .updateTable('device')
      .set({ connectivity: 'OFFLINE' })
      .where('device_id', '=', device.deviceId)
      .execute()
    expect((await install()).body.code).toBe('device-offline')
    expect(await used()).toBe(0)
    const { status, body } = await call('PUT', `${path}?whenOffline=queue`, { licenseType: 'FULL' })
    expect([status, body.queued]).toEqual([202, true])
    expect(await used()).toBe(1)
    expect((await call('DELETE')).body).toMatchObject({ installationState: 'NOT_INSTALLED', settled: true })
    expect(await used()).toBe(0)
  })

  it('refuses what is not known, not compatible, lower, or without a permission', async () => {
    const { account, device, appId, path, call, install, installed } = scene
    expect((await install({ licenseType: 'GOLD' })).status).toBe(400)
    expect((await install({ version: '9.9' })).status).toBe(404)
    for (const version of ['1.0\u0000', '1.0\ud800']) {
      expect((await install({ version })).status).toBe(400)
    }
    expect(
      (await call('PUT', `/software/v1/apps/no.such/devices/${device.deviceId}`, { licenseType: 'FULL' })).status,
    ).toBe(404)
    expect((await call('PUT', `/software/v1/apps/${appId}/devices/nowhere`, { licenseType: 'FULL' })).status).toBe(404)
    const other = await platform.account()
    expect((await call('PUT', path, { licenseType: 'FULL' }, other.headers)).status).toBe(404)
    expect((await call('GET', path, undefined, other.headers)).status).toBe(404)
    const reader = await platform.account({ permissions: ['apps:view'], accountId: account.accountId })
    expect((await call('PUT', path, { licenseType: 'FULL' }, reader.headers)).body).toMatchObject({
      code: 'permission-missing',
      requiredPermission: 'apps:install',
    })
    await installed()
    expect((await install({ version: '1.0.1' })).body.code).toBe('downgrade')
  })

  it('cleans up a first install that failed and gives the unit back when the camera confirms', async () => {
    const { call, install, wish, work, report, askLicense, used } = scene
    await install()
    await askLicense()
    await report([], [await work('FAILED', { error: refusedByDevice })])
    expect((await call('GET')).body).toMatchObject({
      installationState: 'INSTALLATION_FAILED',
      settled: true,
      error: { code: 'install-failed' },
    })
    expect(await used()).toBe(1)
    expect(await wish()).toMatchObject({ presence: 'ABSENT', settled: false })
    await report([], [await work('CONVERGED')])
    expect(await used()).toBe(0)
    expect((await call('GET')).body).toMatchObject({ installationState: 'INSTALLATION_FAILED', license: null })
    expect((await install()).status).toBe(202)
  })

  it('leaves a license that was made by hand beside that of the app, until it is used', async () => {
    const { account, device, appId, call, install, work, reportApp, askLicense } = scene
    await addOrder(platform.db, { accountId: account.accountId, appId, total: 1, licenseType: 'TRIAL' })
    await install({ licenseType: 'TRIAL' })
    await askLicense()
    const done = await work('CONVERGED')
    await reportApp('1.0.2', done)
    const path = `/license/v1/licenses/apps/${appId}/devices/${device.deviceId}`
    const { licenseId } = (await call<License>('POST', path, { licenseType: 'FULL' })).body
    await reportApp('1.0.2', done)
    expect((await call<License[]>('GET', path)).body.map(({ licenseType }) => licenseType).sort()).toEqual([
      'FULL',
      'TRIAL',
    ])
    expect((await install()).body.license).toMatchObject({ licenseId })
    await reportApp('1.0.2', await work('CONVERGED'))
    expect((await call<License[]>('GET', path)).body).toMatchObject([{ licenseId }])
  })

  it('ends as removed when somebody removes it while what a failed install left is cleaned up', async () => {
    const { call, install, work, report, askLicense, used } = scene
    await install()
    await askLicense()
    await report([], [await work('FAILED', { error: refusedByDevice })])
    expect((await call('DELETE')).body).toMatchObject({ installationState: 'UNINSTALLING', error: null })
    await report([], [await work('CONVERGED')])
    expect((await call('GET')).body).toMatchObject({ installationState: 'NOT_INSTALLED', error: null, license: null })
    expect(await used()).toBe(0)
  })

  it('gives a unit that never left the platform back at once', async () => {
    const { install, work, report, used } = scene
    await install()
    await report([], [await work('FAILED', { error: refusedByDevice })])
    expect(await used()).toBe(0)
  })

  it('replaces a trial by a full license without installing again', async () => {
    const { account, device, appId, call, install, work, reportApp, askLicense } = scene
    await addOrder(platform.db, { accountId: account.accountId, appId, total: 1, licenseType: 'TRIAL' })
    await install({ licenseType: 'TRIAL' })
    await askLicense()
    await reportApp('1.0.2', await work('CONVERGED'), { runningState: 'RUNNING' })
    const { status, body } = await install()
    expect([status, body.installationState]).toEqual([202, 'INSTALLED'])
    await askLicense()
    await reportApp('1.0.2', await work('CONVERGED'), { runningState: 'RUNNING' })
    const path = `/license/v1/licenses/apps/${appId}/devices/${device.deviceId}`
    expect((await call<License[]>('GET', path)).body).toMatchObject([{ licenseType: 'FULL' }])
  })
})
