import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createGatewayBench, type GatewayBench } from '../../../test/gateway-fixture.ts'

let bench: GatewayBench
beforeAll(async () => {
  bench = await createGatewayBench()
})
afterAll(() => bench?.platform.close())

describe('sites', () => {
  test('are made, changed and removed by those who may, and seen by nobody else', async () => {
    const { platform, newSite } = bench
    const [owner, stranger] = [await platform.account(), await platform.account()]
    const viewer = await platform.account({ permissions: ['devices:view'] })
    const siteId = await newSite(owner)
    const ask = (method: 'GET' | 'PATCH' | 'DELETE', body?: object) =>
      platform.call(owner, `${method} /device/v1/sites/${siteId}`, body)
    expect((await ask('PATCH', { maxInFlight: 9 })).body).toMatchObject({
      ...{ siteId, name: 'Plant', maxInFlight: 9, timeZone: 'UTC', repair: 'request', addressRanges: [] },
    })
    const addressRanges = ['192.168.1.0/24', '10.0.0.1-10.0.1.9', '2001:db8::/120']
    expect((await ask('PATCH', { addressRanges })).body).toMatchObject({
      ...{ siteId, addressRanges, maxInFlight: 9 },
    })
    for (const range of ['10.0.0.0/8', '192.168.1.300', 'camera.example', '::/0', '']) {
      expect((await ask('PATCH', { addressRanges: [range] })).status).toBe(400)
    }
    expect((await platform.call(owner, 'POST /device/v1/sites', { name: 'Plant' })).body.code).toBe('already-exists')
    expect((await platform.call(owner, 'POST /device/v1/sites', { name: 'B', timeZone: 'Mars/Base' })).status).toBe(400)
    expect((await platform.call(viewer, 'POST /device/v1/sites', { name: 'B' })).body).toMatchObject({
      ...{ status: 403, requiredPermission: 'devices:edit' },
    })
    for (const method of ['GET', 'DELETE'] as const) {
      expect((await platform.call(stranger, `${method} /device/v1/sites/${siteId}`)).status).toBe(404)
    }
    expect((await platform.call(stranger, `POST /device/v1/sites/${siteId}/enrollment-tokens`)).status).toBe(404)
    expect((await platform.call(stranger, 'GET /device/v1/sites')).body).toEqual([])
    expect((await ask('DELETE')).status).toBe(204)
    expect((await ask('GET')).status).toBe(404)
  })
})
