import { verifyBundle, verifyLicense } from '@ocelli/license'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Customer, createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import { claimsOf, offlineRoutes } from '../../../test/offline-fixture.ts'

let ledger: Ledger
let customer: Customer
beforeAll(async () => {
  ledger = await createLedger(offlineRoutes)
})
afterAll(() => ledger?.close())
beforeEach(async () => {
  customer = await ledger.customer()
})

const named = (count: number, prefix = 'cam') =>
  Array.from({ length: count }, (_, index) => ({ deviceId: `${prefix}-${index}` }))
const make = (devices: object[], app: object = {}, more: object = {}) =>
  customer.call('POST', '/license/v1/bundles', {
    ...{ apps: [{ appId: customer.appId, licenseType: 'FULL', ...app }], devices, ...more },
  })

describe('a bundle', () => {
  it('holds packages and licenses for cameras never seen, signed by a key that the root certifies', async () => {
    const orderId = await customer.order(5)
    const { status, body } = await make(named(3))
    expect(status).toBe(201)
    expect(body.devices).toHaveLength(3)
    expect(body.devices[0]).toMatchObject({ deviceId: 'cam-0', outcome: 'LICENSED', detail: null })
    expect(await customer.used(orderId)).toMatchObject({ used: 3 })

    const { keyCertificate, rootThumbprint } = body
    expect(rootThumbprint).toBe(ledger.keys.root.kid)
    const now = new Date()
    const verified = await verifyBundle(body.manifest, { keyCertificate, rootThumbprint, now })
    expect(verified).toMatchObject({ valid: true, claims: { jti: body.bundleId, acc: customer.accountId } })
    const claims = claimsOf(body.manifest)
    expect(claims.exp - claims.iat).toBe(30 * 86_400)
    expect(claims.packages).toEqual(body.packages)
    expect(claims.packages).toMatchObject([{ appId: customer.appId, version: '1.0.2', format: 'apk' }])
    for (const { deviceId, file } of claims.licenses) {
      const at = { deviceId, appId: customer.appId, now, trust: [ledger.keys.root] }
      expect(await verifyLicense(file, at)).toMatchObject({ valid: true })
      expect(await verifyLicense(file, { ...at, deviceId: 'another' })).toMatchObject({ reason: 'other-device' })
    }
    expect(claims.installs).toHaveLength(3)
    const { rows } =
      await sql`SELECT device_id, state FROM device WHERE account_id = ${customer.accountId} ORDER BY 1`.execute(
        ledger.db,
      )
    expect(rows).toEqual(named(3).map(({ deviceId }) => ({ device_id: deviceId, state: 'UNCLAIMED' })))
  })

  it('spends nothing when it is made again, and only for new cameras when some are new', async () => {
    const orderId = await customer.order(5)
    const first = (await make(named(2))).body
    const again = (await make(named(2))).body
    expect(again.bundleId).not.toBe(first.bundleId)
    expect(again.devices).toMatchObject([{ outcome: 'ALREADY_LICENSED' }, { outcome: 'ALREADY_LICENSED' }])
    const ids = (manifest: string) =>
      claimsOf(manifest)
        .licenses.map(({ licenseId }) => licenseId)
        .sort()
    expect(ids(again.manifest)).toEqual(ids(first.manifest))
    expect((await make(named(4))).body.devices.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
      ...['ALREADY_LICENSED', 'ALREADY_LICENSED', 'LICENSED', 'LICENSED'],
    ])
    expect(await customer.used(orderId)).toMatchObject({ used: 4 })
  })

  it('is made whole or not at all, and says how many units of what are missing', async () => {
    const [a, b] = [await customer.order(2), await customer.order(1)]
    const answer = await make(named(5))
    expect(answer).toMatchObject({ status: 409, body: { code: 'no-free-license' } })
    expect(answer.body.detail).toContain(`2 FULL of ${customer.appId} (5 needed, 3 free)`)
    expect([await customer.used(a), await customer.used(b)]).toMatchObject([{ used: 0 }, { used: 0 }])
    expect((await customer.call('GET', '/license/v1/bundles')).body).toEqual([])
    expect((await make(named(3))).status).toBe(201)
    expect([await customer.used(a), await customer.used(b)]).toMatchObject([{ used: 2 }, { used: 1 }])
  })

  it('takes units of the named order, and of none when the order is for something else', async () => {
    const [a, b] = [await customer.order(2), await customer.order(2)]
    expect((await make(named(1), { orderId: b })).status).toBe(201)
    expect([await customer.used(a), await customer.used(b)]).toMatchObject([{ used: 0 }, { used: 1 }])
    const subscription = await customer.order(2, 'SUBSCRIPTION')
    expect((await make(named(1, 'other'), { orderId: subscription })).body.code).toBe('invalid-request')
    const stranger = await ledger.customer()
    expect((await make(named(1, 'other'), { orderId: await stranger.order(1) })).status).toBe(404)
  })

  it('never spends a unit twice when many are made at once', async () => {
    const orderId = await customer.order(12)
    const answers = await Promise.all([
      ...Array.from({ length: 6 }, () => make(named(5))),
      ...Array.from({ length: 4 }, (_, index) => make(named(8, `site-${index}`))),
    ])
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status !== 201 && status !== 409)).toEqual([])
    const held = await sql<{
      n: number
    }>`SELECT count(*)::int AS n FROM license WHERE order_id = ${orderId} AND state = 'VALID'`.execute(ledger.db)
    expect((await customer.used(orderId))?.used).toBe(held.rows[0]?.n)
    const licensed = answers.flatMap(({ body }) => body.devices ?? []).filter(({ outcome }) => outcome === 'LICENSED')
    expect(licensed).toHaveLength(held.rows[0]?.n ?? -1)
  })

  it('leaves out cameras that no package fits, says why, and takes no unit for them', async () => {
    const orderId = await customer.order(5)
    await sql`UPDATE app_package SET min_platform_level = 30 WHERE app_id = ${customer.appId}`.execute(ledger.db)
    const devices = [
      { deviceId: 'new', platformLevel: 33 },
      { deviceId: 'old', platformLevel: 24 },
      { deviceId: 'axis', formats: ['eap'] },
    ]
    const { body } = await make(devices)
    expect(body.devices).toMatchObject([
      { deviceId: 'new', outcome: 'LICENSED' },
      {
        deviceId: 'old',
        outcome: 'INCOMPATIBLE',
        licenseId: null,
        detail: expect.stringContaining('platform level 30'),
      },
      { deviceId: 'axis', outcome: 'INCOMPATIBLE', licenseId: null, detail: expect.stringContaining('.eap') },
    ])
    expect(claimsOf(body.manifest).installs).toMatchObject([{ deviceId: 'new' }])
    expect(await customer.used(orderId)).toMatchObject({ used: 1 })
    expect(await make([devices[1] ?? {}])).toMatchObject({ status: 409, body: { code: 'incompatible' } })
  })

  it('asks for the processor where packages differ by it', async () => {
    await customer.order(5)
    const { appId } = customer
    await sql`UPDATE app_package SET architectures = '{armv7hf}' WHERE app_id = ${appId}`.execute(ledger.db)
    await sql`INSERT INTO app_package (app_id, version_code, format, architectures, size, sha256)
      VALUES (${appId}, 2, 'apk', '{aarch64}', 10, ${'b'.repeat(64)})`.execute(ledger.db)
    const { body } = await make([{ deviceId: 'a', architecture: 'aarch64' }, { deviceId: 'b' }])
    expect(body.devices).toMatchObject([
      { outcome: 'LICENSED' },
      {
        outcome: 'INCOMPATIBLE',
        detail: 'There are packages for aarch64, armv7hf: say the architecture of the device.',
      },
    ])
    expect(body.packages).toMatchObject([{ architectures: ['aarch64'] }])
  })

  it('uses the trial of a camera once', async () => {
    await customer.order(5, 'TRIAL')
    const { body } = await make(named(1), { licenseType: 'TRIAL' })
    const { licenseId } = body.devices[0]
    await customer.call('POST', `/license/v1/licenses/${licenseId}/release`, { reason: 'test over' })
    expect(await make(named(2), { licenseType: 'TRIAL' })).toMatchObject({ status: 409, body: { code: 'trial-used' } })
  })

  it('is read by those who see its cameras, with as many as reported', async () => {
    await customer.order(5)
    const { body } = await make(named(2), {}, { validDays: 7 })
    const { bundleId, expiresAt, rootThumbprint, createdAt } = body
    expect((await customer.call('GET', '/license/v1/bundles')).body).toEqual([
      { bundleId, createdAt, expiresAt, rootThumbprint, licenses: 2, reported: 0 },
    ])
    expect((await customer.call('GET', `/license/v1/bundles/${bundleId}`)).body).toEqual(body)
    const stranger = await ledger.customer()
    expect((await stranger.call('GET', `/license/v1/bundles/${bundleId}`)).status).toBe(404)
    expect((await stranger.call('GET', '/license/v1/bundles')).body).toEqual([])
  })

  it.each([
    [{ version: '9.9' }, {}, 404],
    [{ appId: 'com.example.nothing' }, {}, 404],
    [{}, { validDays: 400 }, 400],
    [{}, { devices: [] }, 400],
  ])('is refused with %j and %j', async (app, more, status) => {
    await customer.order(5)
    expect((await make(named(1), app, more)).status).toBe(status)
  })
})

describe('a camera that was never claimed', () => {
  it('is listed, and joins up with itself when a gateway claims it: the license that it holds is used', async () => {
    const orderId = await customer.order(5)
    const { body } = await make(named(1))
    const { licenseId } = body.devices[0]
    const claimed = await ledger.claim(customer.accountId, 'cam-0')
    const { rows } =
      await sql`SELECT state FROM device WHERE account_id = ${customer.accountId} AND device_id = 'cam-0'`.execute(
        ledger.db,
      )
    expect(rows).toEqual([{ state: 'CLAIMED' }])
    const installed = await customer.install('cam-0', { licenseType: 'FULL' })
    expect(installed).toMatchObject({ status: 202, body: { license: { licenseId } } })
    await customer.converge(claimed, 'RUNNING')
    expect(await customer.installation('cam-0')).toMatchObject({
      installationState: 'INSTALLED',
      license: { licenseId },
    })
    expect(await customer.used(orderId)).toMatchObject({ used: 1 })
  })
})
