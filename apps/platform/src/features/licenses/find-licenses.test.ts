import type { License, LicensePage } from '@ocelli/contract'
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'
import { type Customer, createLedger, type Ledger } from '../../../test/ledger-fixture.ts'

let ledger: Ledger
let customer: Customer
let subscription: string

beforeAll(async () => {
  ledger = await createLedger()
})
afterAll(() => ledger?.close())
beforeEach(async () => {
  customer = await ledger.customer()
  await customer.order(10)
  subscription = await customer.order(10, 'SUBSCRIPTION')
})

const make = async (deviceId: string, more = {}): Promise<License> =>
  (await customer.makeLicense(deviceId, { licenseType: 'FULL', ...more })).body as License
const find = async (query = '', by: Pick<Customer, 'call'> = customer) => {
  const { status, body } = await by.call('GET', `/license/v1/licenses${query}`)
  return { status, body: body as LicensePage & { code?: string } }
}
const devices = async (query: string) => (await find(query)).body.items.map(({ deviceId }) => deviceId)

describe('the licenses of an account', () => {
  it('are read page by page, each once, by device', async () => {
    for (const deviceId of ['c', 'a', 'e', 'b', 'd']) await make(deviceId)
    await make('b', { licenseType: 'SUBSCRIPTION', orderId: subscription })
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { items, nextCursor }: LicensePage = (await find(`?size=2${cursor && `&cursor=${cursor}`}`)).body
      seen.push(...items.map(({ deviceId }) => deviceId))
      cursor = nextCursor
    }
    expect(seen).toEqual(['a', 'b', 'b', 'c', 'd', 'e'])
  })

  it('are found by app, device, order, type, issuer, state and end', async () => {
    const full = await make('a')
    await make('b', { licenseType: 'SUBSCRIPTION', orderId: subscription })
    await customer.call('POST', `/license/v1/licenses/${full.licenseId}/release`, { reason: 'scrapped' })
    await make('c')
    expect(await devices('')).toEqual(['b', 'c'])
    expect(await devices('?state=ALL')).toEqual(['a', 'b', 'c'])
    expect(await devices('?state=RELEASED')).toEqual(['a'])
    expect(await devices(`?appId=${full.appId}&deviceId=c`)).toEqual(['c'])
    expect(await devices('?appId=another.app')).toEqual([])
    expect(await devices(`?orderId=${subscription}`)).toEqual(['b'])
    expect(await devices('?licenseType=SUBSCRIPTION')).toEqual(['b'])
    expect(await devices('?issuer=VENDOR')).toEqual([])
    expect(await devices('?endsBefore=2199-01-01T00:00:00Z')).toEqual(['b'])
    expect(await devices('?endsBefore=2001-01-01T00:00:00Z')).toEqual([])
  })

  it('are seen by nobody else', async () => {
    await make('a')
    const other = await ledger.customer()
    expect((await find('?state=ALL', other)).body).toEqual({ items: [], nextCursor: null })
  })

  it('are as on their device: same id, same token, same check', async () => {
    await make('a')
    const { body } = await customer.call('GET', customer.licensePath('a'))
    expect((await find()).body.items).toEqual(body)
    expect(body).toMatchObject([{ licenseCheckedBy: 'CAMERA' }])
  })
})

test.each(['x', '["a"]', '["a","b","c"]', '["\\u0000","b","00000000-0000-4000-8000-000000000000"]'])(
  'a cursor that is none is refused: %s',
  async (position) => {
    const cursor = position === 'x' ? position : Buffer.from(position).toString('base64url')
    expect(await find(`?cursor=${cursor}`)).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
  },
)
