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

const overdue = (appId: string) =>
  platform.db
    .updateTable('installation')
    .set({ deadline_at: '2020-01-01T00:00:00Z' })
    .where('app_id', '=', appId)
    .execute()

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

  it.each([
    ['an install', null, 'NOT_RUNNING'],
    ['an update', '1.0.1', 'RUNNING'],
  ] as const)(
    'knows which version is there after %s whose list of apps was overtaken',
    async (_, from, runningState) => {
      const { call, install, installed, work, report, askLicense, path } = scene
      if (from) await installed(from, 'RUNNING')
      await (from ? call('POST') : install({ start: false }))
      await askLicense()
      await call('POST', `${path}/state/${runningState}`)
      // a wish for another app came: what the camera listed before it proves nothing, and only the outcome is told
      await report(null, [await work('CONVERGED')])
      const now = { installationState: 'INSTALLED', installedVersion: '1.0.2', settled: true, drift: null }
      expect((await call('GET')).body).toMatchObject({ ...now, runningState })
      expect((await install()).status).toBe(200)
    },
  )

  it('counts a late success of an update that it gave up, and not what was there before it', async () => {
    const { appId, call, installed, work, reportApp } = scene
    await installed('1.0.1', 'RUNNING')
    await call('POST')
    const late = await work('CONVERGED')
    await overdue(appId)
    await sweepDeadlines(platform.db, Date.now)
    expect((await call('GET')).body).toMatchObject({
      installationState: 'UPDATE_FAILED',
      error: { category: 'timeout' },
    })
    await reportApp('1.0.2', late, { runningState: 'RUNNING' })
    expect((await call('GET')).body).toMatchObject({ installedVersion: '1.0.2', error: null, settled: true })
  })

  it('ends what nobody reports on by the deadline, and counts a late success', async () => {
    const { appId, call, install, work, reportApp, askLicense, used } = scene
    await install()
    const late = await work('CONVERGED')
    await askLicense()
    await overdue(appId)
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
