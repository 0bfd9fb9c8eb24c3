import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DriverTable } from '@ocelli/driver'
import { onTestFinished } from 'vitest'
import { type Camera, createCameraStore } from '../../src/cameras/camera-store.ts'
import type { PackageCache } from '../../src/packages/package-cache.ts'
import { type Clock, createSystemClock } from '../../src/state/clock.ts'
import { openStateFolder } from '../../src/state/state-folder.ts'
import { createGateway } from '../../src/work/gateway.ts'
import type { DiscoveryMode } from '../../src/work/gateway-options.ts'
import { createRecordingLog } from '../edge/quiet-log.ts'
import { createScriptedPlatform } from './scripted-platform.ts'

export interface DiskSiteOptions {
  cameras: Camera[]
  packages: PackageCache
  drivers: (clock: Clock) => DriverTable
  clock?: Clock
  discovery?: DiscoveryMode
}

/** A gateway on a real folder with the real camera store and the system's clock; only the platform is scripted. */
export async function createDiskSite(options: DiskSiteOptions) {
  const home = await mkdtemp(join(tmpdir(), 'ocelli-work-'))
  const clock = options.clock ?? createSystemClock()
  const { discovery = 'off' } = options
  const platform = createScriptedPlatform()
  const drivers = options.drivers(clock)
  const log = createRecordingLog()
  let stopRunning: (() => Promise<void>) | null = null

  /** Every start is a new process as far as the parts can tell: all of them are opened anew. */
  async function start(): Promise<void> {
    const stateFolder = await openStateFolder(home)
    const cameras = await createCameraStore({ folder: stateFolder, clock, log, watchEveryMs: null })
    if (cameras.list().length === 0) for (const camera of options.cameras) await cameras.save(camera)
    const stop = new AbortController()
    const { packages } = options
    const random = () => 0
    platform.connect()
    const parts = {
      stateFolder,
      channel: platform.channel,
      cameras,
      packages,
      drivers,
      clock,
      random,
      log,
      version: '0',
      discovery,
    }
    const ended = createGateway(parts).run(stop.signal)
    stopRunning = async () => {
      platform.disconnect()
      stop.abort(new Error('stopped by the test'))
      await ended
      cameras.close()
    }
  }

  async function stop(): Promise<void> {
    await stopRunning?.()
    stopRunning = null
  }

  async function until(condition: () => boolean, what: string, withinMs = 60_000): Promise<void> {
    const endMs = clock.monotonic() + withinMs
    while (!condition()) {
      if (clock.monotonic() > endMs) {
        throw new Error(`${what} did not come true; the platform knows ${JSON.stringify([...platform.state.values()])}`)
      }
      await clock.sleep(20, new AbortController().signal)
    }
  }

  onTestFinished(async () => {
    await stop()
    await rm(home, { recursive: true, force: true })
  })

  const phase = (deviceId: string, appId: string, revision: number) => {
    const work = platform.work(deviceId, appId)
    return work?.revision === revision ? `${work.phase}${work.error ? ` ${work.error.code}` : ''}` : 'none'
  }
  return {
    ...{ home, platform, log, start, stop, until, phase },
    untilSettled: (deviceId: string, appId: string, revision: number) =>
      until(() => /CONVERGED|FAILED/.test(phase(deviceId, appId, revision)), `${appId} revision ${revision} settled`),
  }
}
