import type { ReceiptOutcome } from '@ocelli/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Customer, createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import {
  bundleFor,
  conflictsOf,
  createLaptop,
  entryOf,
  nowSeconds,
  offlineRoutes,
} from '../../../test/offline-fixture.ts'

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

const day = 86_400
const report = (receipt: string) => customer.call('POST', '/license/v1/receipts', { receipt })
const outcomes = async (receipt: string) =>
  (await report(receipt)).body.entries.map(({ outcome, code }: ReceiptOutcome) => code ?? outcome)
const used = async () => (await customer.used(orderId))?.used
const types = async (licenseId: string) => (await customer.events({ licenseId })).map(({ type }) => type)
const conflicts = () => conflictsOf(customer)

const bundle = (count: number, validDays?: number) => bundleFor(customer, count, validDays)

/**
 * | by the laptop's clock | counts as done |
 * | --- | --- |
 * | up to now | then |
 * | later than now | now: what is told was done before it was told |
 * | several later than now | now, in their order |
 */
describe('a receipt from a clock that runs ahead', () => {
  const in9999 = 253_402_300_000

  it('keeps no later conflict from being seen', async () => {
    const { licenses } = await bundle(1)
    expect(await outcomes(await laptop.sign([entryOf(licenses[0], 'REMOVED', { at: in9999 })]))).toEqual(['APPLIED'])
    expect(await used()).toBe(0)
    const installed = await laptop.sign([entryOf(licenses[0], 'INSTALLED', { at: nowSeconds() + 1 })])
    expect(await outcomes(installed)).toEqual(['license-conflict'])
    expect(await types(licenses[0].licenseId)).toContain('license.conflict')
    expect(await conflicts()).toEqual([licenses[0].licenseId])
  })

  it('is overtaken by what is told later', async () => {
    const { licenses } = await bundle(1)
    const told = await report(await laptop.sign([entryOf(licenses[0], 'INSTALLED', { at: in9999 })]))
    expect(told.body.entries).toMatchObject([{ outcome: 'APPLIED', detail: expect.stringContaining('Set the clock') }])
    const listed = await customer.installation('cam-0')
    expect(Date.parse(listed.observedAt)).toBeLessThan(Date.now() + day * 1000)
    const { body } = await customer.makeLicense('cam-0', { licenseType: 'FULL' })
    expect(body.licenseId).toBe(licenses[0].licenseId)
    expect(await outcomes(await laptop.sign([entryOf(licenses[0], 'REMOVED', { at: nowSeconds() + 1 })]))).toEqual([
      'APPLIED',
    ])
    expect(await conflicts()).toEqual([])
  })

  it('keeps the order of its entries, whatever order they stand in', async () => {
    const { licenses } = await bundle(2)
    const [later, earlier] = [{ at: in9999 + 20 }, { at: in9999 + 10 }]
    const receipt = await laptop.sign([
      entryOf(licenses[0], 'INSTALLED', later),
      entryOf(licenses[1], 'REMOVED', later),
      entryOf(licenses[0], 'REMOVED', earlier),
      entryOf(licenses[1], 'INSTALLED', earlier),
    ])
    expect(await outcomes(receipt)).toEqual(['license-conflict', 'APPLIED', 'APPLIED', 'APPLIED'])
    expect(await conflicts()).toEqual([licenses[0].licenseId])
  })

  it('is not held against the end of its bundle', async () => {
    const { bundleId, licenses } = await bundle(1, 1)
    const receipt = await laptop.sign([entryOf(licenses[0], 'INSTALLED', { at: in9999 })], { bundle: bundleId })
    expect(await outcomes(receipt)).toEqual(['APPLIED'])
  })

  it('tells both times in its event', async () => {
    const { licenses } = await bundle(1)
    await report(await laptop.sign([entryOf(licenses[0], 'INSTALLED', { at: in9999 })]))
    const { rows } = await sql<{ data: { at: string; statedAt: string } }>`SELECT data FROM event
      WHERE account_id = ${customer.accountId} AND type = 'installation.reported'`.execute(ledger.db)
    expect(rows).toMatchObject([{ data: { statedAt: '9999-12-31T23:46:40.000Z' } }])
    expect(Date.parse(String(rows[0]?.data.at))).toBeLessThan(Date.now() + day * 1000)
  })
})
