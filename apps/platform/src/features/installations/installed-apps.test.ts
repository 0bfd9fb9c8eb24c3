import type { Installation } from '@ocelli/contract'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  createInstallationBench,
  type InstallationBench,
  type InstallationScene,
  refusedByDevice,
} from '../../../test/installation-scene.ts'

let bench: InstallationBench
let scene: InstallationScene
beforeAll(async () => {
  bench = await createInstallationBench()
})
afterAll(() => bench?.platform.close())
beforeEach(async () => {
  scene = await bench.scene()
})

describe('after installing', () => {
  it('updates to the latest version and ends where it began', async () => {
    const { call, work, reportApp, installed } = scene
    await installed('1.0.1', 'RUNNING')
    const { status, body } = await call('POST')
    expect([status, body.installationState, body.targetVersion]).toEqual([202, 'UPDATING', '1.0.2'])
    await reportApp('1.0.2', await work('CONVERGED'), { runningState: 'RUNNING' })
    expect((await call('POST')).status).toBe(200)
    expect((await call('GET')).body).toMatchObject({
      installationState: 'INSTALLED',
      installedVersion: '1.0.2',
      updatable: false,
    })
  })

  it('keeps version and license when an update fails', async () => {
    const { call, work, reportApp, used, installed } = scene
    await installed('1.0.1')
    await call('POST')
    await reportApp('1.0.1', await work('FAILED', { error: refusedByDevice }))
    expect((await call('GET')).body).toMatchObject({
      installationState: 'UPDATE_FAILED',
      installedVersion: '1.0.1',
      targetVersion: '1.0.1',
    })
    expect(await used()).toBe(1)
  })

  it('starts, and answers 200 when it runs already', async () => {
    const { path, call, work, reportApp, installed } = scene
    await installed()
    expect((await call('POST', `${path}/state/RUNNING`)).status).toBe(202)
    await reportApp('1.0.2', await work('CONVERGED'), { runningState: 'RUNNING' })
    expect((await call('POST', `${path}/state/RUNNING`)).status).toBe(200)
    expect((await call('POST', `${path}/state/JUMPING`)).status).toBe(400)
  })

  it('gives the unit back only when the camera confirms that the app is gone', async () => {
    const { call, work, report, used, installed } = scene
    await installed()
    expect((await call('DELETE')).body.installationState).toBe('UNINSTALLING')
    expect(await used()).toBe(1)
    await report([], [await work('CONVERGED')])
    expect(await used()).toBe(0)
    expect((await call('GET')).body).toMatchObject({
      installationState: 'NOT_INSTALLED',
      license: null,
      settled: true,
    })
    expect((await call('DELETE')).status).toBe(200)
  })

  it('shows drift beside the outcome that a gateway goes on telling, and repairs it on request', async () => {
    const { call, install, work, report, used, installed } = scene
    await installed()
    await report([], [await work('CONVERGED')])
    expect((await call('GET')).body).toMatchObject({ drift: 'REMOVED', installationState: 'NOT_INSTALLED' })
    expect(await used()).toBe(1)
    expect((await install()).status).toBe(202)
  })

  it('shows an app that is back as it was, and one that is gone after an update that failed', async () => {
    const { call, work, report, reportApp, installed } = scene
    await installed('1.0.1')
    await report([], [await work('CONVERGED')])
    await reportApp('1.0.1', await work('CONVERGED'))
    expect((await call('GET')).body).toMatchObject({ drift: null, installationState: 'INSTALLED', settled: true })
    await call('POST')
    const failed = await work('FAILED', { error: refusedByDevice })
    await reportApp('1.0.1', failed)
    await reportApp('1.0.1', failed)
    expect((await call('GET')).body).toMatchObject({ drift: null, installationState: 'UPDATE_FAILED' })
    await report([], [failed])
    expect((await call('GET')).body).toMatchObject({ drift: 'REMOVED', installationState: 'NOT_INSTALLED' })
  })

  it('follows a camera to a higher version, and says so until somebody asks for something', async () => {
    const { path, call, install, work, reportApp, wish, installed } = scene
    for (const ask of [install, () => call('POST'), () => call('POST', `${path}/state/RUNNING`)]) {
      await installed('1.0.1')
      const told = await work('CONVERGED')
      for (const _ of [1, 2]) await reportApp('1.0.2', told)
      const drifted = { drift: 'VERSION_CHANGED', installedVersion: '1.0.2', targetVersion: '1.0.2', settled: true }
      expect((await call('GET')).body).toMatchObject(drifted)
      expect((await ask()).status).toBe(202)
      // what is wished is there, so that a camera which goes back to nothing has nothing to do for it
      expect(await wish()).toMatchObject({ package: { version: '1.0.2' } })
      await reportApp('1.0.2', await work('CONVERGED'), { runningState: 'RUNNING' })
      expect((await call('GET')).body).toMatchObject({ drift: null, settled: true, error: null })
      await call('DELETE')
      await scene.report([], [await work('CONVERGED')])
    }
  })

  it('shows a lower version until it is gone, or asked for', async () => {
    const { call, install, work, reportApp, installed } = scene
    await installed()
    const told = await work('CONVERGED')
    await reportApp('1.0.1', told)
    expect((await call('GET')).body).toMatchObject({ drift: 'VERSION_CHANGED', targetVersion: '1.0.2' })
    await reportApp('1.0.2', told)
    expect((await call('GET')).body).toMatchObject({ drift: null })
    await reportApp('1.0.1', told)
    expect((await install()).body).toMatchObject({ installationState: 'UPDATING', targetVersion: '1.0.2' })
  })

  it('tells of an app that is there again after its license was given back', async () => {
    const { account, appId, device, call, work, report, reportApp, installed } = scene
    const conflicts = async () => {
      const of = { account_id: account.accountId, type: 'license.conflict' as const }
      return (
        await bench.platform.db
          .selectFrom('event')
          .selectAll()
          .where(({ and }) => and(of))
          .execute()
      ).length
    }
    await installed()
    await call('DELETE')
    await report([], [await work('CONVERGED')])
    for (const _ of [1, 2]) await reportApp('1.0.2', null)
    expect(await conflicts()).toBe(1)
    await report([], [])
    const byHand = `/license/v1/licenses/apps/${appId}/devices/${device.deviceId}`
    expect((await call('POST', byHand, { licenseType: 'FULL' })).status).toBe(201)
    await reportApp('1.0.2', null)
    expect(await conflicts()).toBe(1)
  })

  it('counts an app that is gone after its removal was given up as removed', async () => {
    const { call, work, report, reportApp, used, installed } = scene
    await installed()
    await call('DELETE')
    const failed = await work('FAILED', { error: refusedByDevice })
    await reportApp('1.0.2', failed)
    expect((await call('GET')).body).toMatchObject({ installationState: 'UNINSTALL_FAILED' })
    expect(await used()).toBe(1)
    await report([], [failed])
    expect((await call('GET')).body).toMatchObject({ installationState: 'NOT_INSTALLED', license: null, error: null })
    expect(await used()).toBe(0)
  })

  it('lists what a technician put there as unmanaged and never removes it', async () => {
    const { device, call, wishes, report } = scene
    const foreign = {
      appId: 'org.technician.tool',
      name: 'Tool',
      present: true,
      version: '7',
      runningState: 'RUNNING' as const,
      work: null,
    }
    await report([foreign], [])
    const apps = (await call<Installation[]>('GET', `/device/v1/devices/${device.deviceId}/apps`)).body
    expect(apps).toMatchObject([{ appId: 'org.technician.tool', managed: false, installedVersion: '7' }])
    expect((await call('DELETE', `/software/v1/apps/org.technician.tool/devices/${device.deviceId}`)).body.code).toBe(
      'state-conflict',
    )
    expect(await wishes()).toEqual([])
  })
})
