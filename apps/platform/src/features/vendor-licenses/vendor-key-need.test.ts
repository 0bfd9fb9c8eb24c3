import { randomUUID } from 'node:crypto'
import type { Installation } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { addDevice, addOrder, reportOf, type TestDevice } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import { licenseKeys } from '../../platform/keys/instance-keys.ts'
import { createVault } from '../../platform/keys/master-key.ts'
import { acceptPackages } from '../apps/package-upload.ts'
import { applyReports } from '../installations/apply-reports.ts'
import { installationRoutes } from '../installations/installation-routes.ts'
import { createInstallationService } from '../installations/installation-service.ts'
import { licenseRoutes } from '../licenses/license-routes.ts'
import { vendorLicenseRoutes } from './vendor-license-routes.ts'

// Which requests need a key of the vendor: the table in docs/axis.md.

let platform: TestPlatform
let account: TestAccount
let device: TestDevice
let deviceId: string
let appId: string

beforeAll(async () => {
  platform = await createTestPlatform(async ({ db }) => {
    const keys = await licenseKeys(db, createVault(Buffer.alloc(32, 7)), Date.now())
    const wake = () => {}
    return [
      ...installationRoutes({ installations: createInstallationService({ db, wake }) }),
      ...licenseRoutes({ keys }),
      ...vendorLicenseRoutes({ wake }),
    ]
  }, acceptPackages)
})
afterAll(() => platform?.close())

beforeEach(async () => {
  account = await platform.account()
  appId = await publish('axis')
  device = await addDevice(platform.db, account.accountId)
  deviceId = randomUUID().replaceAll('-', '').slice(0, 12).toUpperCase()
  await sql`UPDATE device SET device_id = ${deviceId}, app_formats = '{eap}' WHERE device_id = ${device.deviceId}`.execute(
    platform.db,
  )
  device = { ...device, deviceId }
})

async function publish(copyProtection: string): Promise<string> {
  appId = `app_${randomUUID().slice(0, 8)}`
  await sql`INSERT INTO app (app_id, account_id, name) VALUES (${appId}, ${account.accountId}, 'App')`.execute(
    platform.db,
  )
  await addVersion(1, [{ format: 'eap', copyProtection }])
  return appId
}

const keyFor = (id: string) => `<LicenseKey><DeviceID>${id}</DeviceID></LicenseKey>`

async function upload(content: string) {
  const answer = await platform.app.inject({
    ...{ method: 'POST', url: `/license/v1/vendor-licenses?appId=${appId}`, payload: content },
    headers: { ...account.headers, 'content-type': 'application/octet-stream' },
  })
  return { body: answer.json() }
}

const path = () => `/software/v1/apps/${appId}/devices/${deviceId}`
const install = () => platform.call(account, `PUT ${path()}`, { licenseType: 'FULL' })

async function reportInstalled(runningState: 'RUNNING' | 'NOT_RUNNING') {
  const settled = { phase: 'CONVERGED', step: null, percent: null, stepSecondsLeft: null, error: null } as const
  const { body } = await platform.call<Installation>(account, `GET ${path()}`)
  const work = { appId, revision: body.revision, ...settled }
  const app = { appId, name: 'App', version: '1.0.0', runningState, present: true, work } as const
  await applyReports(platform.db, [reportOf(device, [app], [work])])
}

async function addVersion(versionCode: number, packages: { format: 'eap' | 'apk'; copyProtection: string | null }[]) {
  await sql`INSERT INTO app_version (app_id, version_code, version) VALUES (${appId}, ${versionCode}, ${`${versionCode}.0.0`})`.execute(
    platform.db,
  )
  for (const { format, copyProtection } of packages) {
    const eap = format === 'eap' ? JSON.stringify({ copyProtection, axisAppId: '415129' }) : null
    await sql`INSERT INTO app_package (app_id, version_code, format, size, sha256, eap, is_signed)
      VALUES (${appId}, ${versionCode}, ${format}, 10, ${randomUUID()}, ${eap}::jsonb, true)`.execute(platform.db)
  }
}

test('the version that is installed says whether a key is asked for, not the newest', async () => {
  await addOrder(platform.db, { accountId: account.accountId, appId, total: 1 })
  await addVersion(2, [{ format: 'eap', copyProtection: 'custom' }])
  const old = () => platform.call(account, `PUT ${path()}`, { licenseType: 'FULL', version: '1.0.0' })
  expect(await old()).toMatchObject({ status: 409, body: { code: 'vendor-license-missing' } })
  const { body } = await upload(keyFor(deviceId))
  const { licenseId } = body.files[0]
  expect(await old()).toMatchObject({ status: 202, body: { license: { licenseId } } })
  await reportInstalled('NOT_RUNNING')
  // the same wish again, and a license by hand, are about what is installed
  expect(await install()).toMatchObject({ body: { license: { licenseId } } })
  const byHand = `POST /license/v1/licenses/apps/${appId}/devices/${deviceId}` as const
  expect(await platform.call(account, byHand, { licenseType: 'FULL' })).toMatchObject({
    status: 200,
    body: { licenseId },
  })
  // the update needs a license of ours, and takes no unit by itself
  expect(await platform.call(account, `POST ${path()}`)).toMatchObject({
    status: 409,
    body: { code: 'state-conflict' },
  })
  const put = await platform.call(account, `PUT ${path()}`, { licenseType: 'FULL', version: '2.0.0' })
  expect(put).toMatchObject({ status: 202, body: { license: { licenseId: expect.not.stringMatching(licenseId) } } })
})

test('an update to a version that asks for a key needs one', async () => {
  appId = await publish('none')
  await addOrder(platform.db, { accountId: account.accountId, appId, total: 1 })
  await install()
  await reportInstalled('NOT_RUNNING')
  await addVersion(2, [{ format: 'eap', copyProtection: 'axis' }])
  const update = () => platform.call(account, `POST ${path()}`)
  expect(await update()).toMatchObject({ status: 409, body: { code: 'vendor-license-missing' } })
  const { body } = await upload(keyFor(deviceId))
  expect(await update()).toMatchObject({ status: 202, body: { license: { licenseId: body.files[0].licenseId } } })
})

test('a package for cameras of another kind asks for no key, though another package of its version does', async () => {
  await addVersion(2, [
    { format: 'eap', copyProtection: 'axis' },
    { format: 'apk', copyProtection: null },
  ])
  await addOrder(platform.db, { accountId: account.accountId, appId, total: 1 })
  const onvif = await addDevice(platform.db, account.accountId)
  const put = (id: string) =>
    platform.call(account, `PUT /software/v1/apps/${appId}/devices/${id}`, { licenseType: 'FULL' })
  expect(await put(onvif.deviceId)).toMatchObject({ status: 202, body: { license: { licenseType: 'FULL' } } })
  expect(await put(deviceId)).toMatchObject({ status: 409, body: { code: 'vendor-license-missing' } })
})

test('a listing that leaves the license to the camera asks an Axis camera for a key as well', async () => {
  appId = await publish('custom')
  const byCamera = JSON.stringify({ kind: 'CAMERA' })
  await sql`UPDATE app SET license_placement = ${byCamera}::jsonb WHERE app_id = ${appId}`.execute(platform.db)
  expect(await install()).toMatchObject({ status: 409, body: { code: 'vendor-license-missing' } })
})
