import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CameraOptions, createCamera, type PackageReader, type SimulatedCamera } from '@ocelli/camera-sim'
import type { CameraTarget, Driver, LocalPackage } from '@ocelli/driver'
import type { CameraFault, CameraSetup, ConformanceCamera, ConformanceHarness } from '@ocelli/driver/test-suite'
import { generateLicenseKey, signLicense } from '@ocelli/license'
import { onTestFinished } from 'vitest'
import { createOnvifDriver } from '../src/index.ts'

export const credentials = { user: 'admin', password: 'right, with "quotes" & ümlauts' }
export const appId = 'com.example.counter'

/** The driver with waits cut down to those of a simulated camera. */
export const quickDriver = createOnvifDriver({
  timeoutMs: 2_000,
  connectTimeoutMs: 1_000,
  hintPauseMs: 20,
  install: { pollMs: 20, awayMs: 1_500, recoveryMs: 300 },
  life: { pollMs: 20, reactionMs: 500, steadyMs: 200 },
})

/** Packages of these tests are lines of JSON. */
const readPackage: PackageReader = async (path) => {
  const { version } = JSON.parse((await readFile(path, 'utf8')).trim()) as { version: string }
  return {
    ...{ appId, versionName: version, versionCode: Number.parseInt(version, 10), label: 'Counter' },
    ...{ minPlatformLevel: 1, architectures: [], signer: { certificateSha256: 'ab'.repeat(32) } },
  }
}

export function startSimulatedCamera(options: Partial<CameraOptions> = {}): Promise<SimulatedCamera> {
  const { user, password } = credentials
  return createCamera({ deviceId: 'OCELLI-0001', user, password, licenseRequired: 'none', readPackage, ...options })
}

export function targetOf(camera: SimulatedCamera): CameraTarget {
  return { address: new URL(camera.url).origin, credentials, tls: { pinnedSha256: null, allowLegacy: false } }
}

/** A camera and its driver, until the end of the test. */
export async function openCamera(
  options: Partial<CameraOptions> = {},
): Promise<{ camera: SimulatedCamera; driver: Driver }> {
  const camera = await startSimulatedCamera(options)
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
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-driver-onvif-'))
  return {
    async write(version: string, size = 300_000): Promise<LocalPackage> {
      const path = join(folder, `${version}-${size}.apk`)
      await writeFile(path, JSON.stringify({ version }).padEnd(size, ' '))
      return { path, size, format: 'apk', appId, version, versionCode: Number.parseInt(version, 10) }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

export function createSimulatedHarness(packages: Awaited<ReturnType<typeof createPackages>>): ConformanceHarness {
  return {
    startCamera: startConformanceCamera,
    writePackage: (version) => packages.write(version),
    probeTellsApps: true,
    canFail: new Set<CameraFault['kind']>([
      'install-fails',
      'install-never-ends',
      'package-refused',
      'storage-full',
      'app-falls-back',
      'uninstall-never-ends',
      'no-events',
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

async function startConformanceCamera({
  isSecure = false,
  needsLicense = false,
}: CameraSetup = {}): Promise<ConformanceCamera> {
  const keys = await generateLicenseKey()
  const camera = await startSimulatedCamera({
    https: isSecure,
    licenseRequired: needsLicense ? 'all' : 'none',
    trust: [keys.publicKey],
  })
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
    apps: () => camera.apps().map((app) => ({ ...app, isRunning: app.state === 'Active' })),
    putApp: (id) => camera.installApp({ appId: id }),
    removeApp: camera.removeApp,
    license: (id) =>
      signLicense({
        key: keys.privateKey,
        claims: { jti: 'license-1', sub: camera.deviceId, app: id, typ: 'FULL', ord: null, iat: 1_700_000_000 },
      }),
    fail: (fault) => setFault(camera, fault),
    close: camera.close,
  }
}

function setFault(camera: SimulatedCamera, fault: CameraFault): void {
  switch (fault.kind) {
    case 'install-fails':
      camera.setFault('failInstall', fault.status)
      break
    case 'install-never-ends':
      camera.setFault('installNeverFinishes', true)
      break
    case 'package-refused':
      camera.setFault('refuseUpload', 415)
      break
    case 'storage-full':
      camera.setFault('refuseUpload', 507)
      break
    case 'app-falls-back':
      camera.setFault('appFallsBackMs', fault.afterMs)
      break
    case 'uninstall-never-ends':
      camera.setFault('uninstallNeverFinishes', true)
      break
    case 'no-events':
      camera.setFault('noEvents', true)
      break
    case 'answers-garbage':
      camera.setFault('malformedXml', true)
      break
    case 'start-reply-lost':
      camera.setFault('dropReply', ['Activate'])
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
      camera.setFault('dropReply', ['SetUser'])
      break
  }
}
