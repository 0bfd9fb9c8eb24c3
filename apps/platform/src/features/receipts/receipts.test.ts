import type { ReceiptOutcome } from '@ocelli/contract'
import { generateLicenseKey } from '@ocelli/license'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Customer, createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import {
  bundleFor,
  conflictsOf,
  createLaptop,
  entryOf,
  laptopWith,
  newNonce,
  nowSeconds,
  offlineRoutes,
} from '../../../test/offline-fixture.ts'
import type { TestAccount } from '../../../test/test-platform.ts'

let ledger: Ledger
let customer: Customer
let laptop: Awaited<ReturnType<typeof createLaptop>>
let orderId: string
beforeAll(async () => {
  ledger = await createLedger(offlineRoutes)
})
afterAll(() => ledger?.close())
beforeEach(async () => {
  customer = await ledger.customer()
  laptop = await createLaptop(customer)
  orderId = await customer.order(10)
})

const report = (receipt: string, by?: TestAccount) => customer.call('POST', '/license/v1/receipts', { receipt }, by)
const outcomes = async (receipt: string, by?: TestAccount) =>
  (await report(receipt, by)).body.entries.map(({ outcome, code }: ReceiptOutcome) => code ?? outcome)
const used = async () => (await customer.used(orderId))?.used
const state = async (licenseId: string) =>
  (await ledger.db.selectFrom('license').select('state').where('license_id', '=', licenseId).executeTakeFirst())?.state
const types = async (licenseId: string) => (await customer.events({ licenseId })).map(({ type }) => type)
const day = 86_400
const conflicts = () => conflictsOf(customer)
const listed = async () =>
  (await ledger.db.selectFrom('device').select('device_id').where('account_id', '=', customer.accountId).execute()).map(
    (row) => row.device_id,
  )

const bundle = (count: number, validDays?: number) => bundleFor(customer, count, validDays)

describe('a receipt', () => {
  it('tells what is installed, and gives the unit back of what was removed, once', async () => {
    const { bundleId, licenses } = await bundle(3)
    const entries = [
      entryOf(licenses[0], 'INSTALLED'),
      entryOf(licenses[1], 'REMOVED'),
      entryOf(licenses[2], 'FAILED', { detail: 'The camera said no.', version: null }),
    ]
    const receipt = await laptop.sign(entries, { bundle: bundleId })
    const { status, body } = await report(receipt)
    expect(status).toBe(200)
    expect(body).toMatchObject({ bundleId, keyId: laptop.keyId })
    expect(body.entries).toMatchObject(
      entries.map(({ licenseId, nonce, result }) => ({ licenseId, nonce, result, outcome: 'APPLIED', code: null })),
    )
    expect(await used()).toBe(2)
    expect(await Promise.all(licenses.map((license: { licenseId: string }) => state(license.licenseId)))).toEqual([
      ...['VALID', 'RELEASED', 'VALID'],
    ])
    expect(await types(licenses[1].licenseId)).toEqual([
      ...['license.reserved', 'license.issued', 'installation.reported', 'license.released'],
    ])
    expect(await listed()).toEqual(['cam-0', 'cam-2'])
    expect(await customer.installation('cam-0')).toMatchObject({
      installationState: 'INSTALLED',
      installedVersion: '1.0.2',
    })
    expect((await customer.call('GET', '/license/v1/bundles')).body).toMatchObject([{ licenses: 3, reported: 3 }])

    expect(await outcomes(receipt)).toEqual(['ALREADY_COUNTED', 'ALREADY_COUNTED', 'ALREADY_COUNTED'])
    // the same entries under another signature are the same entries
    expect(await outcomes(await laptop.sign(entries))).toEqual([
      'ALREADY_COUNTED',
      'ALREADY_COUNTED',
      'ALREADY_COUNTED',
    ])
    expect(await used()).toBe(2)
    const told =
      await sql`SELECT 1 FROM event WHERE account_id = ${customer.accountId} AND type = 'receipt.received'`.execute(
        ledger.db,
      )
    expect(told.rows).toHaveLength(1)
  })

  it('counts each entry once, reported however often at once and on however many sticks', async () => {
    const { licenses } = await bundle(6)
    const entries = licenses.map((license: Parameters<typeof entryOf>[0]) => entryOf(license, 'REMOVED'))
    const receipts = await Promise.all([
      laptop.sign(entries),
      laptop.sign(entries.slice(0, 4)),
      laptop.sign(entries.slice(2)),
      laptop.sign([entries[3], entries[3]]),
    ])
    const answers = await Promise.all([...receipts, ...receipts, ...receipts].map((receipt) => outcomes(receipt)))
    expect(answers.flat().filter((outcome) => outcome === 'APPLIED')).toHaveLength(6)
    expect(answers.flat().filter((outcome) => outcome === 'ALREADY_COUNTED')).toHaveLength(answers.flat().length - 6)
    expect(await used()).toBe(0)
    for (const { licenseId } of licenses) {
      expect((await types(licenseId)).filter((type) => type === 'license.released')).toHaveLength(1)
    }
  })

  it('is read in the order of its times: removed after it was installed gives the unit back', async () => {
    const { licenses } = await bundle(2)
    const at = nowSeconds()
    const receipt = await laptop.sign([
      entryOf(licenses[0], 'REMOVED', { at: at + 10 }),
      entryOf(licenses[0], 'INSTALLED', { at }),
      entryOf(licenses[1], 'REMOVED', { at }),
      entryOf(licenses[1], 'INSTALLED', { at: at + 10 }),
    ])
    expect(await outcomes(receipt)).toEqual(['APPLIED', 'APPLIED', 'APPLIED', 'license-conflict'])
    expect(await types(licenses[0].licenseId)).not.toContain('license.conflict')
    expect(await types(licenses[1].licenseId)).toContain('license.conflict')
    expect(await outcomes(receipt)).toEqual(Array(4).fill('ALREADY_COUNTED'))
  })

  it('of an install that was before a removal told earlier is history, not a conflict', async () => {
    const { licenses } = await bundle(1)
    const at = nowSeconds()
    await report(await laptop.sign([entryOf(licenses[0], 'REMOVED', { at })]))
    expect(await outcomes(await laptop.sign([entryOf(licenses[0], 'INSTALLED', { at: at - 100 })]))).toEqual([
      'APPLIED',
    ])
    expect(await outcomes(await laptop.sign([entryOf(licenses[0], 'INSTALLED', { at: at + 100 })]))).toEqual([
      'license-conflict',
    ])
  })

  it('of a removal told late is held against what was installed after it, in the audit too', async () => {
    const { licenses } = await bundle(1)
    const at = nowSeconds()
    await report(await laptop.sign([entryOf(licenses[0], 'REMOVED', { at: at - 2 * day })]))
    const installed = await laptop.sign([entryOf(licenses[0], 'INSTALLED', { at: at - day })])
    expect(await outcomes(installed)).toEqual(['license-conflict'])
    expect(await conflicts()).toEqual([licenses[0].licenseId])
  })

  it('is judged by the permissions of the one who reports it, entry by entry', async () => {
    const { licenses } = await bundle(2)
    const { accountId } = customer
    const installer = await ledger.platform.account({ accountId, permissions: ['apps:install', 'apps:view'] })
    const entries = [entryOf(licenses[0], 'INSTALLED'), entryOf(licenses[1], 'REMOVED')]
    const receipt = await laptop.sign(entries)
    expect(await outcomes(receipt, installer)).toEqual(['APPLIED', 'permission-missing'])
    expect(await used()).toBe(2)
    expect(await outcomes(receipt)).toEqual(['ALREADY_COUNTED', 'APPLIED'])
    expect(await used()).toBe(1)
  })

  it('gives nothing back of a license that never left, or of an app that a gateway holds', async () => {
    const device = await customer.device()
    await customer.install(device.deviceId, { licenseType: 'FULL' })
    const { license } = await customer.installation(device.deviceId)
    const held = { licenseId: license.licenseId, deviceId: device.deviceId, appId: customer.appId }
    expect(await outcomes(await laptop.sign([entryOf(held, 'REMOVED')]))).toEqual(['state-conflict'])
    await customer.converge(device, 'RUNNING')
    expect(await outcomes(await laptop.sign([entryOf(held, 'REMOVED')]))).toEqual(['state-conflict'])
    expect(await used()).toBe(1)
    expect(await customer.installation(device.deviceId)).toMatchObject({ license: { licenseId: held.licenseId } })
  })
})

describe('a receipt is refused', () => {
  const refused = (reason: string) => ({ status: 422, body: { code: 'receipt-invalid', errors: [{ code: reason }] } })

  it('when it is tampered with, or signed by a key that is not enrolled here any more', async () => {
    const { licenses } = await bundle(1)
    const entries = [entryOf(licenses[0], 'REMOVED')]
    const receipt = await laptop.sign(entries)
    const [head, payload = '', signature] = receipt.split('.')
    const changed = JSON.parse(Buffer.from(payload, 'base64url').toString())
    changed.entries[0].nonce = newNonce()
    const tampered = `${head}.${Buffer.from(JSON.stringify(changed)).toString('base64url')}.${signature}`
    expect(await report(tampered)).toMatchObject(refused('damaged'))
    expect(await report(receipt.slice(0, -3))).toMatchObject(refused('damaged'))
    const nobody = laptopWith((await generateLicenseKey()).privateKey)
    expect(await report(await nobody.sign(entries))).toMatchObject(refused('unknown-key'))
    const stranger = await ledger.customer()
    const foreign = await createLaptop(stranger)
    expect(await report(await foreign.sign(entries))).toMatchObject(refused('unknown-key'))
    await customer.call('DELETE', `/account/v1/signing-keys/${laptop.keyId}`)
    expect(await report(receipt)).toMatchObject(refused('unknown-key'))
    expect((await laptop.enroll()).body.code).toBe('already-exists')
    expect(await used()).toBe(1)
  })

  it('when its times cannot be, and not for odd words of a camera', async () => {
    const { licenses } = await bundle(1)
    const far = await laptop.sign([entryOf(licenses[0], 'INSTALLED', { at: Number.MAX_SAFE_INTEGER })])
    expect(await report(far)).toMatchObject(refused('damaged'))
    expect(await report(await laptop.sign([], { iat: Number.MAX_SAFE_INTEGER }))).toMatchObject(refused('damaged'))
    const odd = await laptop.sign([
      entryOf(licenses[0], 'FAILED', { detail: 'no\u0000\ud83d\ude00 "\\', version: '\u0000' }),
    ])
    expect(await outcomes(odd)).toEqual(['APPLIED'])
  })

  it('when it was signed more than a year ago', async () => {
    const { licenses } = await bundle(1)
    const old = { iat: nowSeconds() - 366 * 86_400 }
    expect(await report(await laptop.sign([entryOf(licenses[0], 'REMOVED')], old))).toMatchObject(refused('expired'))
    expect(await used()).toBe(1)
  })

  it('entry by entry where it speaks of what is not this account’s, this device’s or this bundle’s', async () => {
    const { bundleId, licenses } = await bundle(1)
    const { body: other } = await customer.makeLicense('another', { licenseType: 'FULL' })
    const stranger = await ledger.customer()
    await stranger.order(1)
    const { body: foreign } = await stranger.makeLicense('cam-0', { licenseType: 'FULL' })
    const receipt = await laptop.sign(
      [
        entryOf(foreign, 'REMOVED'),
        entryOf({ ...licenses[0], deviceId: 'another' }, 'REMOVED'),
        entryOf({ ...licenses[0], appId: 'com.example.other' }, 'REMOVED'),
        entryOf(other, 'REMOVED'),
        entryOf(licenses[0], 'REMOVED'),
      ],
      { bundle: bundleId },
    )
    expect(await outcomes(receipt)).toEqual(['not-found', 'not-found', 'not-found', 'other-bundle', 'APPLIED'])
    expect([await state(foreign.licenseId), await state(other.licenseId)]).toEqual(['VALID', 'VALID'])
    const mine = await laptop.sign([entryOf(licenses[0], 'REMOVED')], { bundle: crypto.randomUUID() })
    expect(await report(mine)).toMatchObject(refused('unknown-bundle'))
    await stranger.order(5)
    const theirs = await stranger.call('POST', '/license/v1/bundles', {
      ...{ apps: [{ appId: stranger.appId, licenseType: 'FULL' }], devices: [{ deviceId: 'x' }] },
    })
    const named = await laptop.sign([entryOf(licenses[0], 'REMOVED')], { bundle: theirs.body.bundleId })
    expect(await report(named)).toMatchObject(refused('unknown-bundle'))
  })

  it('for what was installed from a bundle that had ended; a removal still counts', async () => {
    const { bundleId, licenses } = await bundle(2, 1)
    await sql`UPDATE bundle SET expires_at = now() - interval '1 hour' WHERE bundle_id = ${bundleId}`.execute(ledger.db)
    const at = nowSeconds() - 60
    const entries = [entryOf(licenses[0], 'INSTALLED', { at }), entryOf(licenses[1], 'REMOVED', { at })]
    expect(await outcomes(await laptop.sign(entries, { bundle: bundleId }))).toEqual(['bundle-expired', 'APPLIED'])
    expect(await used()).toBe(1)
  })

  it('for devices outside the projects of the one who reports it', async () => {
    const { licenses } = await bundle(1)
    const { accountId } = customer
    const { rows } = await sql<{
      project_id: string
    }>`INSERT INTO project (account_id, name) VALUES (${accountId}, 'North')
      RETURNING project_id`.execute(ledger.db)
    await sql`INSERT INTO project_device VALUES (${accountId}, ${rows[0]?.project_id}, 'cam-0')`.execute(ledger.db)
    const outsider = await ledger.platform.account({
      accountId,
      permissions: ['apps:install', 'licenses:release', 'apps:view'],
    })
    expect(await outcomes(await laptop.sign([entryOf(licenses[0], 'REMOVED')]), outsider)).toEqual(['not-found'])
  })
})

describe('signing keys', () => {
  it('are their owner’s alone', async () => {
    const colleague = await ledger.platform.account({ accountId: customer.accountId, permissions: [] })
    const path = '/account/v1/signing-keys'
    expect((await customer.call('GET', path)).body).toMatchObject([{ keyId: laptop.keyId, name: 'laptop' }])
    expect((await customer.call('GET', path, undefined, colleague)).body).toEqual([])
    expect((await customer.call('DELETE', `${path}/${laptop.keyId}`, undefined, colleague)).status).toBe(404)
    expect((await laptop.enroll()).status).toBe(200)
  })

  it('go with the person that they were enrolled to', async () => {
    const { licenses } = await bundle(1)
    const leaver = await ledger.platform.account({ accountId: customer.accountId, permissions: [] })
    const theirs = await createLaptop(customer, leaver)
    await sql`DELETE FROM account_user WHERE user_id = ${leaver.userId}`.execute(ledger.db)
    expect((await report(await theirs.sign([entryOf(licenses[0], 'REMOVED')]))).body.code).toBe('receipt-invalid')
  })
})
