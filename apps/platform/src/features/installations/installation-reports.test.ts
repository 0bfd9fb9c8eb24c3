import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createInstallationBench,
  type InstallationBench,
  type InstallationScene,
  refusedByDevice,
} from '../../../test/installation-scene.ts'
import type { TestPlatform } from '../../../test/test-platform.ts'
import { sweepDeadlines } from './deadline-sweep.ts'

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

describe('what a gateway reports, or does not', () => {
  it('ignores reports that are older, of another session, gateway or assignment', async () => {
    const { device, call, install, work, report } = scene
    await install()
    const failed = await work('FAILED', { error: refusedByDevice })
    await report([], [await work('WAITING')])
    await report([], [failed], { seq: device.seq - 1 })
    await report([], [failed], { session: 99 })
    await report([], [failed], { assignment: 0 })
    expect((await call('GET')).body.installationState).toBe('PENDING')
  })

  it('ends what nobody reports on by the deadline, and counts a late success', async () => {
    const { appId, call, install, work, reportApp, askLicense, used } = scene
    await install()
    const late = await work('CONVERGED')
    await askLicense()
    await platform.db
      .updateTable('installation')
      .set({ deadline_at: '2020-01-01T00:00:00Z' })
      .where('app_id', '=', appId)
      .execute()
    expect(await sweepDeadlines(platform.db, Date.now)).toBeGreaterThan(0)
    expect((await call('GET')).body).toMatchObject({
      installationState: 'INSTALLATION_FAILED',
      error: { category: 'timeout' },
    })
    expect(await used()).toBe(1)
    await reportApp('1.0.2', late)
    expect((await call('GET')).body).toMatchObject({ installationState: 'INSTALLED', error: null })
    expect(await used()).toBe(1)
  })
})
