import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CameraTarget, type Driver, DriverError, type DriverErrorCode, type DriverModule } from '../src/index.ts'
import type { CameraFault, CameraSetup, ConformanceCamera, ConformanceHarness } from './conformance-camera.ts'

/** Cameras and drivers of one test, closed after it. */
export type ConformanceRun = ReturnType<typeof createRun>

export function createRun(module: DriverModule, harness: ConformanceHarness) {
  const open: { driver: Driver; camera: ConformanceCamera }[] = []
  let deadline = AbortSignal.timeout(15_000)
  beforeEach(() => {
    deadline = AbortSignal.timeout(15_000)
  })
  afterEach(async () => {
    for (const { driver, camera } of open.splice(0)) {
      await driver.close()
      await camera.close()
    }
  })

  const options = () => ({ signal: deadline })

  async function begin(setup: CameraSetup = {}, change: (target: CameraTarget) => CameraTarget = (target) => target) {
    const camera = await harness.startCamera(setup)
    const driver = module.open(change(camera.target))
    open.push({ driver, camera })
    return { camera, driver }
  }

  async function beginInstalled(setup: CameraSetup = {}) {
    const started = await begin(setup)
    const localPackage = await harness.writePackage('1.0', setup)
    await started.driver.install(localPackage, options())
    return { ...started, appId: localPackage.appId, version: localPackage.version }
  }

  const withFault = (kind: CameraFault['kind'], name: string, run: () => Promise<void>) =>
    test.skipIf(!harness.canFail.has(kind))(name, run)

  return { module, harness, options, begin, beginInstalled, withFault }
}

export const wrongPassword = (target: CameraTarget): CameraTarget => ({
  ...target,
  credentials: { user: target.credentials?.user ?? 'admin', password: 'not the password' },
})

/** The DriverError of that code that a call must throw. */
export async function expectCode(call: Promise<unknown>, code: DriverErrorCode): Promise<DriverError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof DriverError))
    throw new Error(`Expected a DriverError ${code}, got ${String(error)}.`, { cause: error })
  expect(`${error.code}: ${error.message}`).toMatch(new RegExp(`^${code}: \\S`))
  return error
}

/** A port of this machine on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('A TCP server has a port.')
  return address.port
}
