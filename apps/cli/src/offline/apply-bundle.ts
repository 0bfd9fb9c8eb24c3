import { type Driver, DriverError } from '@ocelli/driver'
import type { BundleClaims, BundleInstall } from '@ocelli/license'
import type { OpenBundle } from './bundle-file.ts'
import { inParallel } from './in-parallel.ts'
import { type InstallStep, installOnCamera } from './install-on-camera.ts'
import type { CameraLogin } from './open-camera.ts'
import type { ReceiptBook } from './receipt-book.ts'

export interface AppOutcome {
  appId: string
  result: 'INSTALLED' | 'REMOVED' | 'FAILED' | 'REFUSED'
  detail: string | null
}

/** What became of one camera. `apps` is empty where the bundle has nothing for it. */
export interface CameraOutcome {
  address: string
  deviceId: string | null
  apps: AppOutcome[]
  /** Why nothing could be tried. */
  error: { code: string; detail: string } | null
}

export interface ApplyProgress {
  address: string
  appId: string | null
  step: InstallStep | { step: 'CONNECT'; percent: null }
}

export interface ApplyOptions {
  bundle: OpenBundle
  cameras: readonly CameraLogin[]
  openCamera: (camera: CameraLogin, signal: AbortSignal) => Promise<Driver>
  book: ReceiptBook
  /** Cameras worked on at a time. */
  concurrency: number
  start: boolean
  now: () => Date
  signal: AbortSignal
  onProgress: (progress: ApplyProgress) => void
  /** A camera is done with, well or not. */
  onCamera?: (outcome: CameraOutcome) => void
}

/**
 * Installs from a bundle what it has for these cameras, each by the identity that the camera itself reports. One camera's
 * failure stops no other. Called again it goes on where it stopped: what is on a camera is not sent twice, and every license is
 * the one that the bundle names, so no unit is spent here. Rejects only when aborted, or when the book cannot be written.
 */
export async function applyBundle(options: ApplyOptions): Promise<CameraOutcome[]> {
  const { cameras, concurrency, signal } = options
  return await inParallel(cameras, { concurrency, signal }, async (camera, ofAll) => {
    const outcome = await applyToCamera(camera, { ...options, signal: ofAll })
    options.onCamera?.(outcome)
    return outcome
  })
}

async function applyToCamera(camera: CameraLogin, options: ApplyOptions): Promise<CameraOutcome> {
  const { openCamera, bundle, signal, onProgress } = options
  const { address } = camera
  let driver: Driver | null = null
  let deviceId: string | null = null
  const failed = (code: string, detail: string) => ({ address, deviceId, apps: [], error: { code, detail } })
  try {
    onProgress({ address, appId: null, step: { step: 'CONNECT', percent: null } })
    driver = await openCamera(camera, signal)
    deviceId = (await driver.readIdentity({ signal })).deviceId
    const apps: AppOutcome[] = []
    for (const install of bundle.claims.installs) {
      if (install.deviceId !== deviceId) continue
      apps.push(await applyInstall(driver, { install, address, options }))
    }
    return { address, deviceId, apps, error: null }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof DriverError) return failed(error.code, error.message)
    if (error instanceof RangeError) return failed('invalid-address', error.message)
    throw error
  } finally {
    await driver?.close()
  }
}

async function applyInstall(
  driver: Driver,
  { install, address, options }: { install: BundleInstall; address: string; options: ApplyOptions },
): Promise<AppOutcome> {
  const { bundle, book, start, now, signal, onProgress } = options
  const { appId, deviceId, licenseId } = install
  const { localPackage, license } = partsOf(bundle, install)
  // a bundle that is applied again must not bring back what was taken away and given back since
  if ((await book.last(licenseId))?.result === 'REMOVED') {
    return { appId, result: 'REFUSED', detail: 'Its license was reported removed from this camera. Make a new bundle.' }
  }
  const write = async (result: 'INSTALLED' | 'FAILED', version: string | null, detail: string | null) => {
    const last = await book.last(licenseId)
    if (last?.result === result && last.version === version && result === 'INSTALLED') return
    await book.add({ licenseId, deviceId, appId, result, version, detail })
  }
  try {
    const outcome = await installOnCamera(
      driver,
      { localPackage, license, deviceId, root: bundle.root, start },
      { now: now(), signal, onStep: (step) => onProgress({ address, appId, step }) },
    )
    if (outcome.result === 'REFUSED') return { appId, result: 'REFUSED', detail: outcome.detail }
    await write('INSTALLED', outcome.version, outcome.detail)
    return { appId, result: 'INSTALLED', detail: outcome.detail }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof DriverError)) throw error
    await write('FAILED', null, error.message)
    return { appId, result: 'FAILED', detail: error.message }
  }
}

function partsOf({ claims, packagePath }: OpenBundle, { packageId, licenseId }: BundleInstall) {
  const found = findParts(claims, { packageId, licenseId })
  const { appId, version, versionCode, format, size, sha256 } = found.package
  return {
    localPackage: { path: packagePath(sha256), size, format, appId, version, versionCode },
    license: found.license.file,
  }
}

function findParts(claims: BundleClaims, { packageId, licenseId }: { packageId: string; licenseId: string }) {
  const bundlePackage = claims.packages.find((one) => one.packageId === packageId)
  const license = claims.licenses.find((one) => one.licenseId === licenseId)
  // verifyBundle has made sure that every install names parts of the same manifest
  if (!bundlePackage || !license) throw new Error('A verified bundle has all that its installs name.')
  return { package: bundlePackage, license }
}
