import { randomUUID } from 'node:crypto'
import type { Installation } from '@ocelli/contract'
import { certifyKey, generateLicenseKey } from '@ocelli/license'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { addDevice, addOrder, publishApp, reportOf, type TestDevice } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'
import { issueLicenseForGateway } from '../licenses/issue-license.ts'
import { licenseRoutes } from '../licenses/license-routes.ts'
import { applyReports } from './apply-reports.ts'
import { sweepDeadlines } from './deadline-sweep.ts'
import { readDesired } from './desired-state.ts'
import { installationRoutes } from './installation-routes.ts'
import { createInstallationService } from './installation-service.ts'

let platform: TestPlatform
let keys: LicenseKeys
let account: TestAccount
let device: TestDevice
let appId: string
let orderId: string

beforeAll(async () => {
  const root = await generateLicenseKey()
  const signing = await generateLicenseKey()
  keys = {
    signing: signing.privateKey,
    root: root.publicKey,
    keyCertificate: await certifyKey({ root: root.privateKey, subject: signing.publicKey, issuedAt: 1 }),
    publicKeys: [root.publicKey, signing.publicKey],
  }
  platform = await createTestPlatform(({ db }) => [
    ...installationRoutes({ installations: createInstallationService({ db, wake: () => {} }) }),
    ...licenseRoutes({ keys }),
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

const url = () => `/software/v1/apps/${appId}/devices/${encodeURIComponent(device.deviceId)}`
const call = async (method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, payload?: object, headers?: object) => {
  const answer = await platform.app.inject({ method, url: path, payload, headers: { ...account.headers, ...headers } })
  return {
    status: answer.statusCode,
    body: answer.json() as Installation & { code?: string; requiredPermission?: string },
  }
}
const install = (payload: object = { licenseType: 'FULL' }) => call('PUT', url(), payload)
const used = async () =>
  (await platform.db.selectFrom('app_order').select('used').where('order_id', '=', orderId).executeTakeFirstOrThrow())
    .used
const desired = async () =>
  (await readDesired(platform.db, [{ accountId: account.accountId, deviceId: device.deviceId }]))[0]
const report = (...args: Parameters<typeof reportOf> extends [unknown, ...infer Rest] ? Rest : never) =>
  applyReports(platform.db, [reportOf(device, ...args)])
const askLicense = async () => {
  const wish = (await desired())?.apps[0]
  return await issueLicenseForGateway(platform.db, keys, {
    gatewayId: device.gatewayId,
    accountId: account.accountId,
    deviceId: device.deviceId,
    assignment: 1,
    appId,
    licenseId: wish?.license?.licenseId ?? '',
  })
}
const revision = async () => (await desired())?.apps[0]?.revision ?? 0
const work = async (phase: 'WAITING' | 'WORKING' | 'CONVERGED' | 'FAILED', more: object = {}) => ({
  appId,
  revision: await revision(),
  phase,
  step: null,
  percent: null,
  stepSecondsLeft: null,
  error: null,
  ...more,
})
const installed = async (version = '1.0.2', runningState: 'RUNNING' | 'NOT_RUNNING' = 'NOT_RUNNING') => {
  await install(version === '1.0.2' ? { licenseType: 'FULL' } : { licenseType: 'FULL', version })
  await askLicense()
  const done = await work('CONVERGED')
  await report([{ appId, name: 'App', present: true, version, runningState, work: done }], [done])
}
const failure = {
  category: 'refused-by-device',
  code: 'install-failed',
  detail: 'No.',
  deviceCode: null,
  retryable: false,
  at: '2026-01-01T00:00:00Z',
}

describe('installing', () => {
  it('takes one unit, asks the gateway for it, and ends installed', async () => {
    const { status, body } = await install()
    expect(status).toBe(202)
    expect(body).toMatchObject({ installationState: 'PENDING', settled: false, targetVersion: '1.0.2', managed: true })
    expect(await used()).toBe(1)
    expect((await desired())?.apps).toMatchObject([
      { appId, presence: 'PRESENT', settled: false, package: { version: '1.0.2' } },
    ])
    const working = await work('WORKING', { step: 'UPLOAD', percent: 40, stepSecondsLeft: 60 })
    await report(null, [working])
    expect((await call('GET', url())).body).toMatchObject({
      installationState: 'INSTALLING',
      progress: { step: 'UPLOAD', percent: 40 },
    })
    expect((await askLicense()).license).toMatch(/^ey/)
    const done = await work('CONVERGED')
    await report(
      [{ appId, name: 'App', present: true, version: '1.0.2', runningState: 'NOT_RUNNING', work: done }],
      [done],
    )
    expect((await call('GET', url())).body).toMatchObject({
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
    const first = await install()
    const second = await install()
    expect(second.status).toBe(202)
    expect(second.body.revision).toBe(first.body.revision)
    expect(await used()).toBe(1)
  })

  it('lets exactly one of many racing for the last unit win', async () => {
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
    await platform.db
      .updateTable('device')
      .set({ connectivity: 'OFFLINE' })
      .where('device_id', '=', device.deviceId)
      .execute()
    expect((await install()).body.code).toBe('device-offline')
    expect(await used()).toBe(0)
    const { status, body } = await call('PUT', `${url()}?whenOffline=queue`, { licenseType: 'FULL' })
    expect([status, body.queued]).toEqual([202, true])
    expect(await used()).toBe(1)
    expect((await call('DELETE', url())).body).toMatchObject({ installationState: 'NOT_INSTALLED', settled: true })
    expect(await used()).toBe(0)
  })

  it('refuses what is not known, not compatible, lower, or without a permission', async () => {
    expect((await install({ licenseType: 'GOLD' })).status).toBe(400)
    expect((await install({ licenseType: 'FULL', version: '9.9' })).status).toBe(404)
    for (const version of ['1.0\u0000', '1.0\ud800']) {
      expect((await install({ licenseType: 'FULL', version })).status).toBe(400)
    }
    expect(
      (await call('PUT', `/software/v1/apps/no.such/devices/${device.deviceId}`, { licenseType: 'FULL' })).status,
    ).toBe(404)
    expect((await call('PUT', `/software/v1/apps/${appId}/devices/nowhere`, { licenseType: 'FULL' })).status).toBe(404)
    const other = await platform.account()
    expect((await call('PUT', url(), { licenseType: 'FULL' }, other.headers)).status).toBe(404)
    expect((await call('GET', url(), undefined, other.headers)).status).toBe(404)
    const reader = await platform.account({ permissions: ['apps:view'], accountId: account.accountId })
    expect((await call('PUT', url(), { licenseType: 'FULL' }, reader.headers)).body).toMatchObject({
      code: 'permission-missing',
      requiredPermission: 'apps:install',
    })
    await installed()
    expect((await install({ licenseType: 'FULL', version: '1.0.1' })).body.code).toBe('downgrade')
  })

  it('cleans up a first install that failed and gives the unit back when the camera confirms', async () => {
    await install()
    await askLicense()
    const failed = await work('FAILED', { error: failure })
    await report([], [failed])
    expect((await call('GET', url())).body).toMatchObject({
      installationState: 'INSTALLATION_FAILED',
      settled: true,
      error: { code: 'install-failed' },
    })
    expect(await used()).toBe(1)
    const cleanup = (await desired())?.apps[0]
    expect(cleanup).toMatchObject({ presence: 'ABSENT', settled: false })
    await report([], [await work('CONVERGED')])
    expect(await used()).toBe(0)
    expect((await call('GET', url())).body).toMatchObject({ installationState: 'INSTALLATION_FAILED', license: null })
    expect((await install()).status).toBe(202)
  })

  it('gives a unit that never left the platform back at once', async () => {
    await install()
    await report([], [await work('FAILED', { error: failure })])
    expect(await used()).toBe(0)
  })

  it('replaces a trial by a full license without installing again', async () => {
    await addOrder(platform.db, { accountId: account.accountId, appId, total: 1, licenseType: 'TRIAL' })
    await install({ licenseType: 'TRIAL' })
    await askLicense()
    const done = await work('CONVERGED')
    await report([{ appId, name: null, present: true, version: '1.0.2', runningState: 'RUNNING', work: done }], [done])
    const { status, body } = await install({ licenseType: 'FULL' })
    expect([status, body.installationState]).toEqual([202, 'INSTALLED'])
    await askLicense()
    const replaced = await work('CONVERGED')
    await report(
      [{ appId, name: null, present: true, version: '1.0.2', runningState: 'RUNNING', work: replaced }],
      [replaced],
    )
    const licenses = (await call('GET', `/license/v1/licenses/apps/${appId}/devices/${device.deviceId}`))
      .body as unknown as { licenseType: string }[]
    expect(licenses.map((license) => license.licenseType)).toEqual(['FULL'])
  })
})

describe('after installing', () => {
  it('updates to the latest version and ends where it began', async () => {
    await installed('1.0.1', 'RUNNING')
    const { status, body } = await call('POST', url())
    expect([status, body.installationState, body.targetVersion]).toEqual([202, 'UPDATING', '1.0.2'])
    const done = await work('CONVERGED')
    await report([{ appId, name: null, present: true, version: '1.0.2', runningState: 'RUNNING', work: done }], [done])
    expect((await call('POST', url())).status).toBe(200)
    expect((await call('GET', url())).body).toMatchObject({
      installationState: 'INSTALLED',
      installedVersion: '1.0.2',
      updatable: false,
    })
  })

  it('keeps version and license when an update fails', async () => {
    await installed('1.0.1')
    await call('POST', url())
    const failed = await work('FAILED', { error: failure })
    await report(
      [{ appId, name: null, present: true, version: '1.0.1', runningState: 'NOT_RUNNING', work: failed }],
      [failed],
    )
    expect((await call('GET', url())).body).toMatchObject({
      installationState: 'UPDATE_FAILED',
      installedVersion: '1.0.1',
      targetVersion: '1.0.1',
    })
    expect(await used()).toBe(1)
  })

  it('starts, and answers 200 when it runs already', async () => {
    await installed()
    expect((await call('POST', `${url()}/state/RUNNING`)).status).toBe(202)
    const done = await work('CONVERGED')
    await report([{ appId, name: null, present: true, version: '1.0.2', runningState: 'RUNNING', work: done }], [done])
    expect((await call('POST', `${url()}/state/RUNNING`)).status).toBe(200)
    expect((await call('POST', `${url()}/state/JUMPING`)).status).toBe(400)
  })

  it('gives the unit back only when the camera confirms that the app is gone', async () => {
    await installed()
    expect((await call('DELETE', url())).body.installationState).toBe('UNINSTALLING')
    expect(await used()).toBe(1)
    const done = await work('CONVERGED')
    await report([], [done])
    expect(await used()).toBe(0)
    expect((await call('GET', url())).body).toMatchObject({
      installationState: 'NOT_INSTALLED',
      license: null,
      settled: true,
    })
    expect((await call('DELETE', url())).status).toBe(200)
  })

  it('shows drift and repairs it on request', async () => {
    await installed()
    await report([], [])
    expect((await call('GET', url())).body).toMatchObject({ drift: 'REMOVED', installationState: 'NOT_INSTALLED' })
    expect(await used()).toBe(1)
    expect((await install()).status).toBe(202)
  })

  it('lists what a technician put there as unmanaged and never removes it', async () => {
    const foreign = {
      appId: 'org.technician.tool',
      name: 'Tool',
      present: true,
      version: '7',
      runningState: 'RUNNING' as const,
      work: null,
    }
    await report([foreign], [])
    const apps = (await call('GET', `/device/v1/devices/${device.deviceId}/apps`)).body as unknown as Installation[]
    expect(apps).toMatchObject([{ appId: 'org.technician.tool', managed: false, installedVersion: '7' }])
    expect((await call('DELETE', `/software/v1/apps/org.technician.tool/devices/${device.deviceId}`)).body.code).toBe(
      'state-conflict',
    )
    expect((await desired())?.apps).toEqual([])
  })
})

describe('messages and time', () => {
  it('ignores reports that are older, of another session, gateway or assignment', async () => {
    await install()
    const failed = await work('FAILED', { error: failure })
    await report([], [await work('WAITING')])
    await report([], [failed], { seq: device.seq - 1 })
    await report([], [failed], { session: 99 })
    await report([], [failed], { assignment: 0 })
    expect((await call('GET', url())).body.installationState).toBe('PENDING')
  })

  it('ends what nobody reports on by the deadline, and counts a late success', async () => {
    await install()
    const late = await work('CONVERGED')
    await askLicense()
    await platform.db
      .updateTable('installation')
      .set({ deadline_at: '2020-01-01T00:00:00Z' })
      .where('app_id', '=', appId)
      .execute()
    expect(await sweepDeadlines(platform.db, Date.now)).toBeGreaterThan(0)
    expect((await call('GET', url())).body).toMatchObject({
      installationState: 'INSTALLATION_FAILED',
      error: { category: 'timeout' },
    })
    expect(await used()).toBe(1)
    await report(
      [{ appId, name: null, present: true, version: '1.0.2', runningState: 'NOT_RUNNING', work: late }],
      [late],
    )
    expect((await call('GET', url())).body).toMatchObject({ installationState: 'INSTALLED', error: null })
    expect(await used()).toBe(1)
  })

  it('gives the first answer again for the same Idempotency-Key and refuses another request with it', async () => {
    const headers = { 'idempotency-key': randomUUID() }
    const first = await call('PUT', url(), { licenseType: 'FULL' }, headers)
    const again = await call('PUT', url(), { licenseType: 'FULL' }, headers)
    expect([again.status, again.body]).toEqual([first.status, first.body])
    expect((await call('PUT', url(), { licenseType: 'TRIAL' }, headers)).body.code).toBe('idempotency-key-reused')
  })
})

describe('licenses by hand', () => {
  it('makes one for a camera never seen, once, and shows the camera as UNCLAIMED', async () => {
    const path = `/license/v1/licenses/apps/${appId}/devices/offline-1`
    expect((await call('GET', path)).body).toEqual([])
    const first = (await call('POST', path, { licenseType: 'FULL' })) as unknown as {
      status: number
      body: { licenseId: string; licenseToken: string }
    }
    const again = (await call('POST', path, { licenseType: 'FULL' })) as unknown as {
      status: number
      body: { licenseId: string }
    }
    expect([first.status, again.status, again.body.licenseId]).toEqual([201, 200, first.body.licenseId])
    expect(await used()).toBe(1)
    const file = await platform.app.inject({
      url: `/license/v1/licenses/${first.body.licenseId}/token`,
      headers: account.headers,
    })
    expect(file.body.startsWith(`${first.body.licenseToken}~`)).toBe(true)
    const row = await platform.db
      .selectFrom('device')
      .select('state')
      .where('device_id', '=', 'offline-1')
      .where('account_id', '=', account.accountId)
      .executeTakeFirst()
    expect(row?.state).toBe('UNCLAIMED')
    const released = await call('POST', `/license/v1/licenses/${first.body.licenseId}/release`, {
      reason: 'camera stolen',
    })
    expect([released.status, await used()]).toEqual([200, 0])
  })

  it('wants the order of a subscription named', async () => {
    expect(
      (await call('POST', `/license/v1/licenses/apps/${appId}/devices/x`, { licenseType: 'SUBSCRIPTION' })).body.code,
    ).toBe('order-required')
  })
})
