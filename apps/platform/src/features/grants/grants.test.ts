import { randomUUID } from 'node:crypto'
import { verifyLicense } from '@ocelli/license'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Customer, createLedger, type Ledger } from '../../../test/ledger-fixture.ts'
import { createMaker, nowSeconds, offlineRoutes } from '../../../test/offline-fixture.ts'

let ledger: Ledger
let maker: Customer
let buyer: Customer
let key: Awaited<ReturnType<typeof createMaker>>
let root: string

beforeAll(async () => {
  ledger = await createLedger(offlineRoutes)
  root = ledger.keys.root.kid
})
afterAll(() => ledger?.close())
beforeEach(async () => {
  maker = await ledger.customer()
  buyer = await ledger.customer()
  key = await createMaker()
  await ledger.db.updateTable('app').set({ visibility: 'LISTED' }).where('app_id', '=', maker.appId).execute()
  await keys('POST', { publicKey: key.publicKey })
})

const keys = (method: 'GET' | 'POST', payload?: object, who = maker) =>
  who.call(method, `/store/v1/apps/${maker.appId}/maker-keys`, payload)
const full = (more: object = {}) => ({
  app: maker.appId,
  typ: 'FULL' as const,
  qty: 3,
  ord: 'INV-2026-7',
  root,
  ...more,
})
const give = (grant: string, who = buyer) => who.call('POST', '/store/v1/grants', { grant })
const quantities = async (who = buyer) => (await who.call('GET', '/license/v1/licensequantities')).body
const license = (who: Customer, deviceId: string, payload: object) =>
  who.call('POST', `/license/v1/licenses/apps/${maker.appId}/devices/${deviceId}`, payload)

describe("a maker's keys", () => {
  it('are kept by the app, added once, and removed', async () => {
    const [listed] = (await keys('GET')).body
    expect(listed).toMatchObject({ keyId: key.publicKey.kid, appId: maker.appId, publicKey: key.publicKey })
    expect((await keys('POST', { publicKey: key.publicKey })).status).toBe(200)
    const path = `/store/v1/apps/${maker.appId}/maker-keys/${key.publicKey.kid}`
    expect((await maker.call('DELETE', path)).status).toBe(204)
    expect((await maker.call('DELETE', path)).status).toBe(404)
    expect(await give(await key.grant(full()))).toMatchObject({ status: 422, body: { code: 'grant-invalid' } })
  })

  it("are the publisher's alone", async () => {
    for (const answer of [
      await keys('GET', undefined, buyer),
      await keys('POST', { publicKey: key.publicKey }, buyer),
    ]) {
      expect(answer).toMatchObject({ status: 404 })
    }
    const viewer = await ledger.customer(['apps:view'])
    expect((await keys('GET', undefined, viewer)).status).toBe(403)
  })

  it.each([
    ['is a private key', { d: 'A'.repeat(43) }],
    ['has a kid that is not its thumbprint', { kid: 'other' }],
    ['is not an Ed25519 public key', { x: 'AAAA', kid: undefined }],
  ])('are refused when one %s', async (sentence, change) => {
    const answer = await keys('POST', { publicKey: { ...(await createMaker()).publicKey, ...change } })
    expect(answer).toMatchObject({ status: 422, body: { code: 'key-invalid' } })
    expect(answer.body.detail).toContain(sentence)
  })
})

describe('a grant', () => {
  it('makes a confirmed order once, and its licenses carry it: the maker’s key alone verifies them', async () => {
    const grant = await key.grant(full())
    const first = await give(grant)
    expect(first).toMatchObject({
      ...{ status: 201 },
      body: { state: 'CONFIRMED', appId: maker.appId, total: 3, free: 3, reference: 'INV-2026-7', validUntil: null },
    })
    const again = await give(` ${grant}\n`)
    expect(again).toEqual({ status: 200, body: first.body })
    expect(await quantities()).toMatchObject([{ total: 3, used: 0, orders: [{ orderId: first.body.orderId }] }])
    expect((await buyer.call('GET', '/store/v1/grants')).body).toMatchObject([
      { appId: maker.appId, quantity: 3, makerOrder: 'INV-2026-7', orderId: first.body.orderId, termDays: null },
    ])
    const told = (await maker.events({ orderId: first.body.orderId })).map(({ type }) => type)
    expect(told).toEqual(['order.confirmed'])

    const { body } = await license(buyer, 'camera', { licenseType: 'FULL' })
    const { body: file } = await buyer.call('GET', `/license/v1/licenses/${body.licenseId}/token`)
    const at = { deviceId: 'camera', appId: maker.appId, now: new Date() }
    expect(file.split('~')).toHaveLength(3)
    expect(await verifyLicense(file, { ...at, makers: [key.publicKey] })).toMatchObject({ valid: true })
    expect(await verifyLicense(file, { ...at, trust: [ledger.keys.root] })).toMatchObject({ valid: true })
    const bare = file.split('~').slice(0, 2).join('~')
    expect(await verifyLicense(bare, { ...at, makers: [key.publicKey] })).toMatchObject({ reason: 'no-grant' })
  })

  it('goes to gateways with the license, too', async () => {
    await give(await key.grant(full()))
    const device = await buyer.device()
    const path = `/software/v1/apps/${maker.appId}/devices/${device.deviceId}`
    expect((await buyer.call('PUT', path, { licenseType: 'FULL' })).status).toBe(202)
    const file = await ledger.askLicense(device, maker.appId)
    expect(file?.split('~')).toHaveLength(3)
  })

  it('confirms the placed order that it names, with its term', async () => {
    const order = { appId: maker.appId, licenseType: 'SUBSCRIPTION', quantity: 2, termDays: 400 }
    const placed = (await buyer.call('POST', '/store/v1/orders', order)).body
    const wanted = { app: maker.appId, typ: 'SUBSCRIPTION' as const, qty: 2, term: 30, ord: placed.orderId, root }
    const wrong = await give(await key.grant({ ...wanted, qty: 3 }))
    expect(wrong).toMatchObject({ status: 409, body: { code: 'state-conflict' } })
    const { status, body } = await give(await key.grant(wanted))
    expect([status, body.orderId, body.state, body.termDays]).toEqual([201, placed.orderId, 'CONFIRMED', 30])
    expect((Date.parse(body.validUntil) - Date.parse(body.confirmedAt)) / 86_400_000).toBeCloseTo(30, 3)
    expect(await give(await key.grant(wanted))).toMatchObject({ status: 409, body: { code: 'state-conflict' } })
    expect(await quantities()).toMatchObject([{ total: 2 }])
  })

  it('counts once on the platform, whoever imports it and however often at once', async () => {
    const grant = await key.grant(full())
    const answers = await Promise.all(Array.from({ length: 12 }, () => give(grant)))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(11).fill(200), 201])
    expect(await quantities()).toMatchObject([{ total: 3, orders: [{}] }])
    const other = await ledger.customer()
    expect(await give(grant, other)).toMatchObject({ status: 409, body: { code: 'grant-used' } })
    expect(await quantities(other)).toEqual([])
  })

  it("does not confirm another account's order", async () => {
    const order = { appId: maker.appId, licenseType: 'FULL', quantity: 3 }
    const placed = (await buyer.call('POST', '/store/v1/orders', order)).body
    const other = await ledger.customer()
    const grant = await key.grant(full({ ord: placed.orderId }))
    expect(await give(grant, other)).toMatchObject({ status: 404 })
    expect(await quantities(other)).toEqual([])
    expect((await give(grant)).body).toMatchObject({ orderId: placed.orderId, state: 'CONFIRMED' })
  })

  it('is refused with the reason when it is expired, foreign, tampered with or for another platform', async () => {
    const good = await key.grant(full())
    const [head, , signature] = good.split('.')
    const more = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(good.split('.')[1] ?? '', 'base64url').toString()), qty: 300 }),
    ).toString('base64url')
    const stranger = await createMaker()
    const foreignKeyOfOtherApp = await createMaker()
    await buyer.call('POST', `/store/v1/apps/${buyer.appId}/maker-keys`, { publicKey: foreignKeyOfOtherApp.publicKey })
    const refusals: [string, string][] = [
      ['expired', await key.grant(full({ exp: nowSeconds() - 1 }))],
      ['other-platform', await key.grant(full({ root: 'A'.repeat(43) }))],
      ['unknown-key', await stranger.grant(full())],
      ['unknown-key', await foreignKeyOfOtherApp.grant(full())],
      ['unknown-key', await key.grant(full({ app: 'com.example.unknown' }))],
      ['damaged', `${head}.${more}.${signature}`],
      ['damaged', good.slice(0, -10)],
      ['damaged', await key.grant(full({ ord: 'a\u0000b' }))],
      ['damaged', 'x'],
      ['damaged', 'é'.repeat(1000)],
    ]
    for (const [reason, grant] of refusals) {
      const answer = await give(grant)
      expect(answer, reason).toMatchObject({ status: 422, body: { code: 'grant-invalid', errors: [{ code: reason }] } })
    }
    expect(await quantities()).toEqual([])
    expect((await buyer.call('GET', '/store/v1/grants')).body).toEqual([])
  })

  it('needs store:purchase', async () => {
    const viewer = await ledger.platform.account({ permissions: ['apps:view'], accountId: buyer.accountId })
    const answer = await buyer.call('POST', '/store/v1/grants', { grant: await key.grant(full()) }, viewer)
    expect(answer).toMatchObject({ status: 403, body: { requiredPermission: 'store:purchase' } })
  })

  it('lets a private app be installed by those to whom its maker grants it', async () => {
    await ledger.db.updateTable('app').set({ visibility: 'PRIVATE' }).where('app_id', '=', maker.appId).execute()
    expect((await license(buyer, 'camera', { licenseType: 'FULL' })).status).toBe(404)
    expect((await give(await key.grant(full({ ord: randomUUID() })))).status).toBe(201)
    expect((await license(buyer, 'camera', { licenseType: 'FULL' })).status).toBe(201)
  })
})
