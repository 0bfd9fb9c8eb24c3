import { randomUUID } from 'node:crypto'
import type { Installation, License, LicenseAudit, Problem, Transfer } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { addDevice, type TestDevice } from '../../../test/installation-fixture.ts'
import { createTestPlatform, type TestAccount, type TestPlatform } from '../../../test/test-platform.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'
import { licenseKeys } from '../../platform/keys/instance-keys.ts'
import { createVault } from '../../platform/keys/master-key.ts'
import { acceptPackages } from '../apps/package-upload.ts'
import { deviceRoutes } from '../devices/device-routes.ts'
import { readDesired } from '../installations/desired-state.ts'
import { installationRoutes } from '../installations/installation-routes.ts'
import { createInstallationService } from '../installations/installation-service.ts'
import { issueLicenseForGateway } from '../licenses/issue-license.ts'
import { licenseRoutes } from '../licenses/license-routes.ts'
import { lostDeviceRoutes } from '../lost-devices/lost-device-routes.ts'
import { transferRoutes } from '../transfers/transfer-routes.ts'
import { vendorLicenseRoutes } from './vendor-license-routes.ts'

// The table "Who has a vendor's key, and when" of docs/licensing.md, row by row.

let platform: TestPlatform
let keys: LicenseKeys
let owner: TestAccount
let stranger: TestAccount
let device: TestDevice
let deviceId: string
let appId: string

beforeAll(async () => {
  platform = await createTestPlatform(async ({ db }) => {
    keys = await licenseKeys(db, createVault(Buffer.alloc(32, 7)), Date.now())
    const wake = () => {}
    return [
      ...installationRoutes({ installations: createInstallationService({ db, wake }) }),
      ...licenseRoutes({ keys, wake }),
      ...vendorLicenseRoutes({ wake }),
      ...lostDeviceRoutes({ wake }),
      ...deviceRoutes({ unassigned: () => {}, tellShares: () => {}, nowMs: Date.now }),
      ...transferRoutes({ unassigned: () => {} }),
    ]
  }, acceptPackages)
})
afterAll(() => platform?.close())

beforeEach(async () => {
  owner = await platform.account()
  stranger = await platform.account()
  appId = `app_${randomUUID().slice(0, 8)}`
  const eap = JSON.stringify({ copyProtection: 'axis', axisAppId: '415129' })
  await sql`INSERT INTO app (app_id, account_id, name, visibility) VALUES (${appId}, ${owner.accountId}, 'App', 'LISTED')`.execute(
    platform.db,
  )
  await sql`INSERT INTO app_version (app_id, version_code, version) VALUES (${appId}, 1, '1.0.0')`.execute(platform.db)
  await sql`INSERT INTO app_package (app_id, version_code, format, size, sha256, eap, is_signed)
    VALUES (${appId}, 1, 'eap', 10, ${appId}, ${eap}::jsonb, true)`.execute(platform.db)
  deviceId = randomUUID().replaceAll('-', '').slice(0, 12).toUpperCase()
  device = { ...(await addDevice(platform.db, owner.accountId)), deviceId }
  await sql`UPDATE device SET device_id = ${deviceId}, app_formats = '{eap}', driver = 'vapix'
    WHERE account_id = ${owner.accountId}`.execute(platform.db)
})

const keyText = (more = '') => `<LicenseKey><DeviceID>${deviceId}</DeviceID>${more}</LicenseKey>`
const installPath = () => `/software/v1/apps/${appId}/devices/${deviceId}` as const

async function upload(by: TestAccount, content = keyText()) {
  const answer = await platform.app.inject({
    ...{ method: 'POST', url: `/license/v1/vendor-licenses?appId=${appId}`, payload: content },
    headers: { ...by.headers, 'content-type': 'application/octet-stream' },
  })
  return answer.json().files[0]
}

async function licenses(by: TestAccount, state = 'HELD'): Promise<License[]> {
  const path = `GET /license/v1/licenses/apps/${appId}/devices/${deviceId}?state=${state}` as const
  return (await platform.call<License[]>(by, path)).body
}

async function fileOf(by: TestAccount, licenseId: string) {
  const answer = await platform.app.inject({ url: `/license/v1/licenses/${licenseId}/token`, headers: by.headers })
  return answer.statusCode === 200 ? answer.body : answer.statusCode
}

const events = async (by: TestAccount) =>
  (await platform.events(by.accountId)).filter((type) => type.startsWith('license.'))
const goOffline = () =>
  sql`UPDATE device SET connectivity = 'OFFLINE' WHERE device_id = ${deviceId}`.execute(platform.db)
const isAudited = async (by: TestAccount) => (await platform.call<LicenseAudit>(by, 'GET /license/v1/audit')).body.ok

/** As if the gateway had carried the wish out. */
const settle = () =>
  sql`UPDATE installation SET settled = true, installation_state = 'INSTALLED', present = true, managed = true,
    running_state = 'RUNNING', installed_version = '1.0.0', installed_version_code = 1 WHERE device_id = ${deviceId}`.execute(
    platform.db,
  )

async function giveAway({ withLicenses }: { withLicenses: boolean }) {
  const offer = { deviceId, toAccountId: stranger.accountId, withLicenses }
  const { status, body } = await platform.call<Transfer & Partial<Problem>>(owner, 'POST /device/v1/transfers', offer)
  if (status !== 201) return { status, code: body.code }
  const accepted = await platform.call(stranger, `POST /device/v1/transfers/${body.transferId}/accept`)
  return { status: accepted.status, code: accepted.body.code }
}

/** The receiver claims the camera through a gateway of its own. */
async function claimAnew(by: TestAccount): Promise<TestDevice> {
  const own = await addDevice(platform.db, by.accountId)
  await sql`DELETE FROM device WHERE device_id = ${own.deviceId}`.execute(platform.db)
  await sql`UPDATE device SET state = 'CLAIMED', gateway_id = ${own.gatewayId}, site_id = ${own.siteId}, connectivity = 'ONLINE',
    app_formats = '{eap}', driver = 'vapix', claimed_at = now() WHERE account_id = ${by.accountId} AND device_id = ${deviceId}`.execute(
    platform.db,
  )
  return { ...own, deviceId }
}

test('transferred with its licenses: the key changes hands, and the giver sees nothing of it any more', async () => {
  const { licenseId } = await upload(owner)
  expect(await giveAway({ withLicenses: false })).toEqual({ status: 409, code: 'licenses-held' })
  expect(await giveAway({ withLicenses: true })).toMatchObject({ status: 200 })
  expect(await licenses(owner, 'ALL')).toEqual([])
  expect(await fileOf(owner, licenseId)).toBe(404)
  expect(await licenses(stranger)).toMatchObject([{ licenseId, state: 'VALID', licenseToken: keyText() }])
  expect(await events(owner)).toEqual(['license.issued', 'license.transferred'])
  expect(await events(stranger)).toEqual(['license.transferred'])
  expect([await isAudited(owner), await isAudited(stranger)]).toEqual([true, true])

  const own = await claimAnew(stranger)
  const install = await platform.call(stranger, `PUT ${installPath()}`, { licenseType: 'FULL' })
  expect(install).toMatchObject({ status: 202, body: { license: { licenseId } } })
  const { rows } = await sql<{
    assignment: number
  }>`SELECT assignment FROM device WHERE device_id = ${deviceId}`.execute(platform.db)
  const ask = { deviceId, appId, licenseId, assignment: rows[0]?.assignment ?? 0 }
  const asked = (who: TestDevice, accountId: string) =>
    issueLicenseForGateway(platform.db, keys, { ...ask, gatewayId: who.gatewayId, accountId })
  expect(await asked(own, stranger.accountId)).toMatchObject({ license: keyText() })
  expect(await asked(device, owner.accountId)).toMatchObject({ license: null })
})

test('transferred to an account that holds the very key already: one of the two is enough', async () => {
  const { licenseId } = await upload(owner)
  await sql`INSERT INTO device (account_id, device_id, state) VALUES (${stranger.accountId}, ${deviceId}, 'UNCLAIMED')`.execute(
    platform.db,
  )
  const theirs = await upload(stranger)
  expect(theirs).toMatchObject({ result: 'STORED' })
  expect(await giveAway({ withLicenses: true })).toMatchObject({ status: 200 })
  expect(await licenses(stranger)).toMatchObject([{ licenseId: theirs.licenseId }])
  expect(await licenses(owner, 'ALL')).toMatchObject([{ licenseId, state: 'RELEASED' }])
})

test('transferred to an account that holds another key: nothing moves, and neither key is lost', async () => {
  await upload(owner)
  await sql`INSERT INTO device (account_id, device_id, state) VALUES (${stranger.accountId}, ${deviceId}, 'UNCLAIMED')`.execute(
    platform.db,
  )
  await upload(stranger, keyText('<ExpirationDate>2099-01-01</ExpirationDate>'))
  expect(await giveAway({ withLicenses: true })).toEqual({ status: 409, code: 'license-conflict' })
  expect([await licenses(owner), await licenses(stranger)].map((held) => held.length)).toEqual([1, 1])
})

test('transferred without: the giver releases the key first, keeps its file, and the receiver never sees it', async () => {
  const { licenseId } = await upload(owner)
  await platform.call(owner, `POST /license/v1/licenses/${licenseId}/release`, { reason: 'sold' })
  expect(await giveAway({ withLicenses: false })).toMatchObject({ status: 200 })
  expect(await licenses(stranger, 'ALL')).toEqual([])
  expect(await fileOf(stranger, licenseId)).toBe(404)
  expect(await fileOf(owner, licenseId)).toBe(keyText())
  await claimAnew(stranger)
  const install = await platform.call(stranger, `PUT ${installPath()}`, { licenseType: 'FULL' })
  expect(install).toMatchObject({ status: 409, body: { code: 'vendor-license-missing' } })
  // the owner's device is gone, so the key cannot come back to it by an upload
  expect(await upload(owner)).toMatchObject({ result: 'UNKNOWN_DEVICE' })
})

test('released by declaration: the file stays at hand, the camera loses the key, and the same file makes a new license', async () => {
  const { licenseId } = await upload(owner)
  await platform.call(owner, `PUT ${installPath()}`, { licenseType: 'FULL' })
  const early = await platform.call(owner, `POST /license/v1/licenses/${licenseId}/release`, { reason: 'test' })
  expect(early).toMatchObject({ status: 409, body: { code: 'state-conflict' } })
  await settle()
  const released = await platform.call(owner, `POST /license/v1/licenses/${licenseId}/release`, { reason: 'test' })
  expect(released).toMatchObject({ status: 200, body: { state: 'RELEASED' } })
  expect(await fileOf(owner, licenseId)).toBe(keyText())
  const [desired] = await readDesired(platform.db, [{ accountId: owner.accountId, deviceId }])
  expect(desired?.apps).toMatchObject([{ appId, presence: 'PRESENT', license: null, settled: false }])
  await settle()
  const again = await upload(owner)
  expect(again).toMatchObject({ result: 'STORED', licenseId: expect.not.stringMatching(licenseId) })
  const install = await platform.call<Installation>(owner, `PUT ${installPath()}`, { licenseType: 'FULL' })
  expect(install.body.license).toMatchObject({ licenseId: again.licenseId })
})

test('released while the camera is away: nothing is wished for, and nothing is held up', async () => {
  const { licenseId } = await upload(owner)
  await platform.call(owner, `PUT ${installPath()}`, { licenseType: 'FULL' })
  await settle()
  await goOffline()
  await platform.call(owner, `POST /license/v1/licenses/${licenseId}/release`, { reason: 'test' })
  expect((await platform.call(owner, `GET ${installPath()}`)).body).toMatchObject({ settled: true, license: null })
})

test('reset: the camera is the same one, so the key stays for the next installation', async () => {
  const { licenseId } = await upload(owner)
  await platform.call(owner, `PUT ${installPath()}`, { licenseType: 'FULL' })
  await settle()
  await goOffline()
  const lost = await platform.call(owner, `POST /device/v1/devices/${deviceId}/declare-lost`, {
    ...{ state: 'RESET', reason: 'flashed' },
  })
  expect(lost).toMatchObject({ status: 200, body: { licenseIds: [] } })
  expect(await licenses(owner)).toMatchObject([{ licenseId, state: 'VALID' }])
  await sql`UPDATE device SET connectivity = 'ONLINE' WHERE device_id = ${deviceId}`.execute(platform.db)
  const install = await platform.call(owner, `PUT ${installPath()}`, { licenseType: 'FULL' })
  expect(install).toMatchObject({ status: 202, body: { license: { licenseId } } })
})

test('lost: the key is released with its camera, and its file stays at hand', async () => {
  const { licenseId } = await upload(owner)
  await goOffline()
  const lost = await platform.call(owner, `POST /device/v1/devices/${deviceId}/declare-lost`, {
    ...{ state: 'LOST', reason: 'stolen' },
  })
  expect(lost).toMatchObject({ body: { licenseIds: [licenseId] } })
  expect(await licenses(owner)).toEqual([])
  expect(await fileOf(owner, licenseId)).toBe(keyText())
  expect(await upload(owner)).toMatchObject({ result: 'STORED' })
  expect(await isAudited(owner)).toBe(true)
})

test('deleted: a key holds the device back; kept, it waits for the same camera to be claimed anew', async () => {
  const { licenseId } = await upload(owner)
  const remove = (query = '') => platform.call(owner, `DELETE /device/v1/devices/${deviceId}${query}`)
  const refused = await remove()
  expect(refused).toMatchObject({ status: 409, body: { code: 'licenses-held' } })
  expect(refused.body.detail).toContain('1 key(s) of its vendor')
  expect((await remove('?keepLicenses=true')).status).toBeLessThan(300)
  expect(await licenses(owner)).toMatchObject([{ licenseId, state: 'VALID' }])
  // meanwhile somebody else claims the camera: the key is none of theirs
  await sql`INSERT INTO device (account_id, device_id, state) VALUES (${stranger.accountId}, ${deviceId}, 'UNCLAIMED')`.execute(
    platform.db,
  )
  await claimAnew(stranger)
  expect(await licenses(stranger, 'ALL')).toEqual([])
  const theirs = await platform.call(stranger, `PUT ${installPath()}`, { licenseType: 'FULL' })
  expect(theirs).toMatchObject({ status: 409, body: { code: 'vendor-license-missing' } })
  await sql`DELETE FROM device WHERE account_id = ${stranger.accountId}`.execute(platform.db)
  await claimAnew(owner)
  const install = await platform.call(owner, `PUT ${installPath()}`, { licenseType: 'FULL' })
  expect(install).toMatchObject({ status: 202, body: { license: { licenseId } } })
})

test('ended: the file stays at hand, and a newer key goes on under the same license', async () => {
  const { licenseId } = await upload(owner, keyText('<ExpirationDate>2099-01-01</ExpirationDate>'))
  await sql`UPDATE license SET state = 'EXPIRED', valid_until = now() WHERE license_id = ${licenseId}`.execute(
    platform.db,
  )
  expect(await fileOf(owner, licenseId)).toContain('2099-01-01')
  expect(await fileOf(stranger, licenseId)).toBe(404)
  expect(await upload(owner)).toMatchObject({ result: 'RENEWED', licenseId })
})
