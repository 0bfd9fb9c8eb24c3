import { randomUUID } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import type { Installation } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ZipFile } from 'yazl'
import { addDevice, addOrder, reportOf, type TestDevice } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'
import { licenseKeys } from '../../platform/keys/instance-keys.ts'
import { createVault } from '../../platform/keys/master-key.ts'
import { acceptPackages } from '../apps/package-upload.ts'
import { applyReports } from '../installations/apply-reports.ts'
import { installationRoutes } from '../installations/installation-routes.ts'
import { createInstallationService } from '../installations/installation-service.ts'
import { sweepExpiry } from '../licenses/expire-licenses.ts'
import { issueLicenseForGateway } from '../licenses/issue-license.ts'
import { licenseRoutes } from '../licenses/license-routes.ts'
import { vendorLicenseRoutes } from './vendor-license-routes.ts'

let platform: TestPlatform
let keys: LicenseKeys
let account: TestAccount
let device: TestDevice
let deviceId: string
let appId: string
let woken = 0

beforeAll(async () => {
  platform = await createTestPlatform(async ({ db }) => {
    keys = await licenseKeys(db, createVault(Buffer.alloc(32, 7)), Date.now())
    const wake = () => {
      woken += 1
    }
    return [
      ...installationRoutes({ installations: createInstallationService({ db, wake }) }),
      ...licenseRoutes({ keys }),
      ...vendorLicenseRoutes({ wake }),
    ]
  }, acceptPackages)
})
afterAll(() => platform?.close())

beforeEach(async () => {
  woken = 0
  account = await platform.account()
  appId = await publish('axis')
  device = await addAxis(account)
  deviceId = device.deviceId
})

async function publish(copyProtection: string): Promise<string> {
  const id = `app_${randomUUID().slice(0, 8)}`
  const eap = JSON.stringify({ copyProtection, axisAppId: '415129' })
  await sql`INSERT INTO app (app_id, account_id, name) VALUES (${id}, ${account.accountId}, 'App')`.execute(platform.db)
  await sql`INSERT INTO app_version (app_id, version_code, version) VALUES (${id}, 1, '1.0.0')`.execute(platform.db)
  await sql`INSERT INTO app_package (app_id, version_code, format, size, sha256, eap, is_signed)
    VALUES (${id}, 1, 'eap', 10, ${id}, ${eap}::jsonb, true)`.execute(platform.db)
  return id
}

async function addAxis({ accountId }: TestAccount): Promise<TestDevice> {
  const added = await addDevice(platform.db, accountId)
  const id = randomUUID().replaceAll('-', '').slice(0, 12).toUpperCase()
  await sql`UPDATE device SET device_id = ${id}, app_formats = '{eap}' WHERE device_id = ${added.deviceId}`.execute(
    platform.db,
  )
  return { ...added, deviceId: id }
}

const keyFor = (id: string, more = '') =>
  `<?xml version="1.0"?><LicenseKey><DeviceID>${id}</DeviceID>${more}</LicenseKey>`
const until = (day: string) => `<ExpirationDate>${day}</ExpirationDate>`

async function zipOf(files: Record<string, string>): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name, { mtime: new Date(0) })
  zip.end()
  return buffer(zip.outputStream)
}

async function upload(
  content: string | Buffer,
  {
    by = account.headers,
    query = '',
    app = appId,
  }: { by?: { authorization: string }; query?: string; app?: string } = {},
) {
  const answer = await platform.app.inject({
    ...{ method: 'POST', url: `/license/v1/vendor-licenses?appId=${app}${query}`, payload: content },
    headers: { ...by, 'content-type': 'application/octet-stream' },
  })
  return { status: answer.statusCode, body: answer.json() }
}

const path = () => `/software/v1/apps/${appId}/devices/${deviceId}`
const licenses = async (by: Pick<TestAccount, 'headers'> = account, state = 'HELD') =>
  (await platform.call(by, `GET /license/v1/licenses/apps/${appId}/devices/${deviceId}?state=${state}`)).body
const install = () => platform.call(account, `PUT ${path()}`, { licenseType: 'FULL' })

test('a key becomes a license of the ledger that takes no unit, and is what an install uses', async () => {
  const orderId = await addOrder(platform.db, { accountId: account.accountId, appId, total: 1 })
  expect(await install()).toMatchObject({ status: 409, body: { code: 'vendor-license-missing' } })
  const content = keyFor(deviceId, until('2099-12-31'))
  const { status, body } = await upload(content)
  expect({ status, files: body.files }).toMatchObject({ status: 200, files: [{ result: 'STORED', deviceId }] })
  const { licenseId } = body.files[0]
  const license = { licenseId, issuer: 'VENDOR', orderId: null, state: 'VALID', licenseType: 'SUBSCRIPTION' }
  expect(await licenses()).toMatchObject([{ ...license, licenseToken: content, validUntil: '2099-12-31T23:59:59Z' }])
  expect(await install()).toMatchObject({ status: 202, body: { license: { licenseId } } })
  const { rows } = await sql`SELECT used FROM app_order WHERE order_id = ${orderId}`.execute(platform.db)
  expect(rows).toEqual([{ used: 0 }])
  const file = await platform.app.inject({ url: `/license/v1/licenses/${licenseId}/token`, headers: account.headers })
  expect(file.body).toBe(content)
})

test('the gateway gets the file as it was uploaded, for the place where the camera keeps licenses', async () => {
  const content = `\uFEFF${keyFor(deviceId)}\r\n`
  await sql`UPDATE app SET license_placement = '{"kind":"PARAMETER","name":"License"}' WHERE app_id = ${appId}`.execute(
    platform.db,
  )
  const { body } = await upload(content)
  await install()
  const { accountId, gatewayId } = device
  const ask = { gatewayId, accountId, deviceId, appId, assignment: 1, licenseId: body.files[0].licenseId }
  expect(await issueLicenseForGateway(platform.db, keys, ask)).toEqual({
    ...{ license: content, refused: null, placement: null },
  })
})

test('a listing that leaves the license to the camera sends a key there, whatever the copy protection', async () => {
  appId = await publish('custom')
  await sql`UPDATE app SET license_placement = '{"kind":"CAMERA"}' WHERE app_id = ${appId}`.execute(platform.db)
  const { body } = await upload(keyFor(deviceId))
  await install()
  const { accountId, gatewayId } = device
  const ask = { gatewayId, accountId, deviceId, appId, assignment: 1, licenseId: body.files[0].licenseId }
  expect(await issueLicenseForGateway(platform.db, keys, ask)).toMatchObject({ placement: { kind: 'CAMERA' } })
})

test('the answer says of every file of a ZIP what became of it', async () => {
  const other = await addAxis(account)
  const stranger = await addAxis(await platform.account())
  await upload(keyFor(deviceId, '<n>1</n>'))
  const zip = await zipOf({
    'a/same.xml': keyFor(deviceId, '<n>1</n>'),
    [`a/${other.deviceId}.xml`]: '<Key></Key>',
    [`a/short_${other.deviceId}.xml`]: `<Key>${until('2098-01-01')}</Key>`,
    'a/stranger.xml': keyFor(stranger.deviceId),
    'a/nobody.xml': '<Key></Key>',
    'a/app.xml': keyFor(deviceId, '<ApplicationID>1</ApplicationID>'),
    'a/old.xml': keyFor(deviceId, until('2001-01-01')),
    'a/broken.xml': keyFor(deviceId).slice(0, -3),
  })
  const { body } = await upload(zip)
  const results = Object.fromEntries(
    body.files.map((file: { fileName: string; result: string }) => [file.fileName, file.result]),
  )
  expect(results).toEqual({
    'same.xml': 'DUPLICATE',
    [`${other.deviceId}.xml`]: 'STORED',
    [`short_${other.deviceId}.xml`]: 'DUPLICATE',
    'stranger.xml': 'UNKNOWN_DEVICE',
    'nobody.xml': 'UNKNOWN_DEVICE',
    'app.xml': 'OTHER_APP',
    'old.xml': 'EXPIRED',
    'broken.xml': 'DAMAGED',
  })
  expect(await licenses()).toHaveLength(1)
})

test('a newer key takes the place of the one before, and the device is sent it', async () => {
  const first = await upload(keyFor(deviceId, until('2098-01-01')))
  const { licenseId } = first.body.files[0]
  await install()
  woken = 0
  const newer = keyFor(deviceId, until('2099-01-01'))
  expect((await upload(newer)).body.files).toMatchObject([{ result: 'RENEWED', licenseId }])
  expect(await licenses()).toMatchObject([{ licenseId, licenseToken: newer, validUntil: '2099-01-01T23:59:59Z' }])
  expect(woken).toBe(1)
  expect((await upload(newer)).body.files).toMatchObject([{ result: 'DUPLICATE', licenseId }])
  const types = await platform.events(account.accountId)
  expect(types.filter((type) => type.startsWith('license.'))).toEqual(['license.issued', 'license.renewed'])
})

test('a key ends like a license of ours, and the next one brings the app back', async () => {
  const { body } = await upload(keyFor(deviceId, until('2099-01-01')))
  const { licenseId } = body.files[0]
  await install()
  await reportInstalled('RUNNING')
  await sql`UPDATE license SET valid_until = now() - interval '1 second' WHERE license_id = ${licenseId}`.execute(
    platform.db,
  )
  expect(await sweepExpiry(platform.db)).toMatchObject({ licenses: 1, installations: 1 })
  expect(await licenses()).toEqual([])
  expect(await install()).toMatchObject({ status: 409, body: { code: 'vendor-license-missing' } })
  expect((await upload(keyFor(deviceId))).body.files).toMatchObject([{ result: 'RENEWED', licenseId }])
  expect(await licenses()).toMatchObject([{ licenseId, state: 'VALID', licenseType: 'FULL', validUntil: null }])
  expect((await platform.call(account, `GET ${path()}`)).body).toMatchObject({ desiredRunningState: 'RUNNING' })
})

test('a key stays when the app is removed, and a declared release ends it', async () => {
  const { body } = await upload(keyFor(deviceId))
  const { licenseId } = body.files[0]
  await install()
  await reportInstalled('NOT_RUNNING')
  await platform.call(account, `DELETE ${path()}`)
  await reportGone()
  expect((await platform.call<Installation>(account, `GET ${path()}`)).body.installationState).toBe('NOT_INSTALLED')
  expect(await licenses()).toMatchObject([{ licenseId, state: 'VALID' }])
  await platform.call(account, `POST /license/v1/licenses/${licenseId}/release`, { reason: 'sold' })
  expect(await licenses()).toEqual([])
  const again = await upload(keyFor(deviceId))
  expect(again.body.files).toMatchObject([{ result: 'STORED' }])
  expect(again.body.files[0].licenseId).not.toBe(licenseId)
})

test('two uploads at the same time make one license', async () => {
  const answers = await Promise.all([1, 2, 3, 4].map((n) => upload(keyFor(deviceId, `<n>${n}</n>`))))
  expect(answers.map(({ body }) => body.files[0].result).sort()).toEqual(['RENEWED', 'RENEWED', 'RENEWED', 'STORED'])
  expect(await licenses()).toHaveLength(1)
})

test('a key opens no app that is not protected by the vendor, and makes up for no unit', async () => {
  appId = await publish('custom')
  expect(await upload(keyFor(deviceId))).toMatchObject({ status: 409, body: { code: 'state-conflict' } })
  expect(await install()).toMatchObject({ status: 409, body: { code: 'no-free-license' } })
})

test('no unit is spent by hand on an app that looks for a key of the vendor, and no key is renewed with one', async () => {
  const orderId = await addOrder(platform.db, { accountId: account.accountId, appId, total: 1 })
  const make = () =>
    platform.call(account, `POST /license/v1/licenses/apps/${appId}/devices/${deviceId}`, { licenseType: 'FULL' })
  expect(await make()).toMatchObject({ status: 409, body: { code: 'vendor-license-missing' } })
  const { body } = await upload(keyFor(deviceId))
  const { licenseId } = body.files[0]
  expect(await make()).toMatchObject({ status: 200, body: { licenseId } })
  const renewed = await platform.call(account, `POST /license/v1/licenses/${licenseId}/renew`, { orderId })
  expect(renewed).toMatchObject({ status: 409, body: { code: 'state-conflict' } })
})

test('keys, devices and apps of other accounts and other projects are not there', async () => {
  const content = keyFor(deviceId)
  const stranger = await platform.account()
  expect(await upload(content, { by: stranger.headers })).toMatchObject({ status: 404, body: { code: 'not-found' } })
  await sql`UPDATE app SET visibility = 'LISTED' WHERE app_id = ${appId}`.execute(platform.db)
  expect((await upload(content, { by: stranger.headers })).body.files).toMatchObject([{ result: 'UNKNOWN_DEVICE' }])
  const projects = await platform.db
    .insertInto('project')
    .values(['one', 'two'].map((name) => ({ account_id: account.accountId, name })))
    .returning('project_id')
    .execute()
  const [inside, outside] = projects.map((row) => row.project_id)
  await sql`UPDATE device SET project_ids = ARRAY[${inside}]::uuid[] WHERE device_id = ${deviceId}`.execute(platform.db)
  const machine = (project: string | undefined) =>
    platform.machine(account.accountId, { permissions: ['apps:install', 'apps:view'], projectIds: [project ?? ''] })
  const by = await machine(outside)
  expect((await upload(content, { by })).body.files).toMatchObject([{ result: 'UNKNOWN_DEVICE' }])
  expect((await upload(content, { by: await machine(inside) })).body.files).toMatchObject([{ result: 'STORED' }])
  expect(await licenses({ headers: by })).toEqual([])
  expect(await licenses(stranger)).toEqual([])
  const viewer = await platform.account({ accountId: account.accountId, permissions: ['apps:view'] })
  expect(await upload(content, { by: viewer.headers })).toMatchObject({ status: 403 })
})

test('uploads that are too large, no archive, or of another type are refused', async () => {
  expect(await upload(Buffer.alloc(8 * 1024 * 1024 + 1))).toMatchObject({ status: 413 })
  expect(await upload(Buffer.from('PK\x03\x04 broken'))).toMatchObject({ status: 422, body: { code: 'key-invalid' } })
  const json = await platform.call(account, `POST /license/v1/vendor-licenses?appId=${appId}`, { a: 1 })
  expect(json).toMatchObject({ status: 415 })
  expect((await upload('', { query: '&fileName=a.xml' })).body.files).toMatchObject([
    { fileName: 'a.xml', result: 'DAMAGED' },
  ])
})

test('the audit finds nothing to say about keys', async () => {
  await upload(keyFor(deviceId))
  await upload(keyFor(deviceId, until('2099-01-01')))
  expect((await platform.call(account, 'GET /license/v1/audit')).body).toMatchObject({ ok: true, findings: [] })
})

async function workOf(): Promise<{ appId: string; revision: number }> {
  const { body } = await platform.call<Installation>(account, `GET ${path()}`)
  return { appId, revision: body.revision }
}

async function reportInstalled(runningState: 'RUNNING' | 'NOT_RUNNING') {
  const settled = { phase: 'CONVERGED', step: null, percent: null, stepSecondsLeft: null, error: null } as const
  const work = { ...(await workOf()), ...settled }
  const app = { appId, name: 'App', version: '1.0.0', runningState, present: true, work } as const
  await applyReports(platform.db, [reportOf(device, [app], [work])])
}

async function reportGone() {
  const settled = { phase: 'CONVERGED', step: null, percent: null, stepSecondsLeft: null, error: null } as const
  await applyReports(platform.db, [reportOf(device, [], [{ ...(await workOf()), ...settled }])])
}
