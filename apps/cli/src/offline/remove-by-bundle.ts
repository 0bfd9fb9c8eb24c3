import { type Driver, DriverError } from '@ocelli/driver'
import type { BundleClaims } from '@ocelli/license'
import type { CameraOutcome } from './apply-bundle.ts'
import { inParallel } from './in-parallel.ts'
import type { CameraLogin } from './open-camera.ts'
import type { ReceiptBook } from './receipt-book.ts'

export interface RemoveOptions {
  claims: BundleClaims
  /** Only this app; null: every app of the bundle. */
  appId: string | null
  cameras: readonly CameraLogin[]
  openCamera: (camera: CameraLogin, signal: AbortSignal) => Promise<Driver>
  book: ReceiptBook
  concurrency: number
  signal: AbortSignal
}

/** Removes what a bundle has brought to these cameras, and books it as removed once the camera no longer lists it. */
export async function removeByBundle(options: RemoveOptions): Promise<CameraOutcome[]> {
  const { cameras, concurrency, signal } = options
  return await inParallel(cameras, { concurrency, signal }, (camera, ofAll) =>
    removeFromCamera(camera, { ...options, signal: ofAll }),
  )
}

async function removeFromCamera(
  camera: CameraLogin,
  { claims, appId, openCamera, book, signal }: RemoveOptions,
): Promise<CameraOutcome> {
  let driver: Driver | null = null
  let deviceId: string | null = null
  const apps: CameraOutcome['apps'] = []
  const outcome = (error: CameraOutcome['error']) => ({ address: camera.address, deviceId, apps, error })
  try {
    driver = await openCamera(camera, signal)
    deviceId = (await driver.readIdentity({ signal })).deviceId
    for (const install of claims.installs) {
      if (install.deviceId !== deviceId || (appId !== null && install.appId !== appId)) continue
      await driver.removeLicense?.({ appId: install.appId }, { signal })
      await driver.uninstall(install.appId, { signal })
      const isThere = (await driver.listApps({ signal })).some((app) => app.appId === install.appId)
      if (isThere) {
        apps.push({ appId: install.appId, result: 'FAILED', detail: 'The camera still lists it.' })
        continue
      }
      if ((await book.last(install.licenseId))?.result !== 'REMOVED') {
        const { licenseId } = install
        await book.add({ licenseId, deviceId, appId: install.appId, result: 'REMOVED', version: null, detail: null })
      }
      apps.push({ appId: install.appId, result: 'REMOVED', detail: null })
    }
    return outcome(null)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof DriverError) return outcome({ code: error.code, detail: error.message })
    if (error instanceof RangeError) return outcome({ code: 'invalid-address', detail: error.message })
    throw error
  } finally {
    await driver?.close()
  }
}
