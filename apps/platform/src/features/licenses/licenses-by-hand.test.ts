import type { License } from '@ocelli/contract'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createInstallationBench,
  type InstallationBench,
  type InstallationScene,
} from '../../../test/installation-scene.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'

let bench: InstallationBench
let platform: TestPlatform
let scene: InstallationScene
beforeAll(async () => {
  bench = await createInstallationBench()
  platform = bench.platform
})
afterAll(() => bench?.platform.close())
beforeEach(async () => {
  scene = await bench.scene()
})

describe('a license by hand', () => {
  it('makes one for a camera never seen, once, and shows the camera as UNCLAIMED', async () => {
    const { account, appId, call, used } = scene
    const path = `/license/v1/licenses/apps/${appId}/devices/offline-1`
    expect((await call('GET', path)).body).toEqual([])
    const first = await call<License>('POST', path, { licenseType: 'FULL' })
    const again = await call<License>('POST', path, { licenseType: 'FULL' })
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
    const { appId, call } = scene
    const path = `/license/v1/licenses/apps/${appId}/devices/x`
    expect((await call('POST', path, { licenseType: 'SUBSCRIPTION' })).body.code).toBe('order-required')
  })
})
