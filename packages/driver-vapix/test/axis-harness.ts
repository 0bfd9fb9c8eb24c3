import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EapOptions, writeEap } from '@ocelli/app-package/testing'
import {
  type AxisCameraOptions,
  createAxisCamera,
  type SimulatedAxisCamera,
  writeAxisLicenseKey,
} from '@ocelli/camera-sim'
import type { CameraTarget, Driver, LocalPackage } from '@ocelli/driver'
import type { CameraFault, CameraSetup, ConformanceCamera, ConformanceHarness } from '@ocelli/driver/test-suite'
import { onTestFinished } from 'vitest'
import { createVapixDriver } from '../src/index.ts'

export const credentials = { user: 'root', password: 'right, with "quotes"' }
export const appId = 'counter'
const axisAppId = '415129'
const serialNumber = 'ACCC8E123456'

/** The driver with waits cut down to those of a simulated camera. */
export const quickDriver = createVapixDriver({
  timeoutMs: 2_000,
  connectTimeoutMs: 1_000,
  install: { pollMs: 20, awayMs: 1_500, recoveryMs: 300 },
  life: { pollMs: 20, reactionMs: 500, steadyMs: 200 },
})

export function startAxis(options: Partial<AxisCameraOptions> = {}): Promise<SimulatedAxisCamera> {
  return createAxisCamera({ serialNumber, ...credentials, ...options })
}

export function targetOf(camera: SimulatedAxisCamera): CameraTarget {
  return { address: camera.url, credentials, tls: { pinnedSha256: null, allowLegacy: false } }
}

/** A camera and its driver, until the end of the test. */
export async function openCamera(
  options: Partial<AxisCameraOptions> = {},
): Promise<{ camera: SimulatedAxisCamera; driver: Driver }> {
  const camera = await startAxis(options)
  const driver = quickDriver.open(targetOf(camera))
  onTestFinished(async () => {
    await driver.close()
    await camera.close()
  })
  return { camera, driver }
}

export const callOptions = (timeoutMs = 10_000) => ({ signal: AbortSignal.timeout(timeoutMs) })

/** Writes packages into a folder of their own; padded, so that an upload takes more than one part. */
export async function createPackages() {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-driver-vapix-'))
  let count = 0
  return {
    async write(version: string, options: Partial<EapOptions> = {}): Promise<LocalPackage> {
      const path = join(folder, `${++count}.eap`)
      const whole = version.split('.').length < 3 ? `${version}.0` : version
      await writeEap(path, { appId, version: whole, axisAppId, padBytes: 300_000, ...options })
      const { size } = await stat(path)
      return { path, size, format: 'eap', appId, version: whole, versionCode: Number.parseInt(version, 10) }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

export function createAxisHarness(packages: Awaited<ReturnType<typeof createPackages>>): ConformanceHarness {
  return {
    startCamera: startConformanceCamera,
    writePackage: (version, { needsLicense = false } = {}) =>
      packages.write(version, { copyProtection: needsLicense ? 'axis' : 'none' }),
    probeTellsApps: false,
    failureWords: () => 'Error: 10',
    canFail: new Set<CameraFault['kind']>([
      'install-fails',
      'install-never-ends',
      'package-refused',
      'storage-full',
      'app-falls-back',
      'uninstall-never-ends',
      'answers-garbage',
      'start-reply-lost',
      'restarts-while-installing',
      'silent',
      'password-rules',
      'password-refused',
      'password-reply-lost',
    ]),
  }
}

export const keyFor = (id: string, key: Partial<Parameters<typeof writeAxisLicenseKey>[0]> = {}): string =>
  writeAxisLicenseKey({ applicationId: id === appId ? axisAppId : '999999', deviceId: serialNumber, ...key })

async function startConformanceCamera({ isSecure = false }: CameraSetup = {}): Promise<ConformanceCamera> {
  const camera = await startAxis({ https: isSecure })
  return {
    target: targetOf(camera),
    deviceId: camera.deviceId,
    get refusedLogins() {
      return camera.refusedLogins
    },
    get requests() {
      return camera.requests.length
    },
    get writes() {
      return camera.writes
    },
    apps: () => camera.apps().map((app) => ({ ...app, isRunning: app.state === 'Running' })),
    putApp: (id) => camera.installApp({ appId: id }),
    removeApp: camera.removeApp,
    license: async (id) => keyFor(id),
    fail: (fault) => setFault(camera, fault),
    close: camera.close,
  }
}

function setFault(camera: SimulatedAxisCamera, fault: CameraFault): void {
  switch (fault.kind) {
    case 'install-fails':
      camera.setFault('failInstall', fault.status)
      break
    case 'install-never-ends':
      camera.setFault('installNeverFinishes', true)
      break
    case 'package-refused':
      camera.setFault('cgiError', { operations: ['upload'], code: 1 })
      break
    case 'storage-full':
      camera.setFault('flashFull', true)
      break
    case 'app-falls-back':
      camera.setFault('appFallsBackMs', fault.afterMs)
      break
    case 'uninstall-never-ends':
      camera.setFault('uninstallNeverFinishes', true)
      break
    case 'answers-garbage':
      camera.setFault('malformedXml', true)
      break
    case 'start-reply-lost':
      camera.setFault('dropReply', ['control'])
      break
    case 'restarts-while-installing':
      camera.setFault('rebootDuring', { step: 'install', downMs: 200 })
      break
    case 'silent':
      camera.setFault('slowMs', 60_000)
      break
    case 'password-rules':
      camera.setFault('passwordRules', fault.rules)
      break
    case 'password-refused':
      camera.setFault('refusePassword', fault.words)
      break
    case 'password-reply-lost':
      camera.setFault('dropReply', ['pwdgrp'])
      break
    case 'no-events':
      throw new Error('VAPIX tells of apps only when asked.')
  }
}
