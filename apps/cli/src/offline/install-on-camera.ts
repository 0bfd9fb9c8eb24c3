import type { Driver, LocalPackage } from '@ocelli/driver'
import { type PublicLicenseKey, verifyLicense } from '@ocelli/license'

export type InstallStep =
  | { step: 'UPLOAD'; percent: number | null }
  | { step: 'INSTALL' | 'LICENSE' | 'START'; percent: null }

export interface InstallRequest {
  localPackage: LocalPackage
  /** The license file's text. */
  license: string
  deviceId: string
  /** Verifies the license before it is given to the camera. */
  root: PublicLicenseKey
  start: boolean
}

export type InstallOutcome =
  | { result: 'INSTALLED'; version: string | null; wasThere: boolean; detail: string | null }
  | { result: 'REFUSED'; detail: string }

/**
 * Puts an app and its license on a camera whose identity has been read. What is there already in that version is not sent
 * again; the license is placed in any case, since no camera tells whether it has the right one. Throws DriverError.
 */
export async function installOnCamera(
  driver: Driver,
  { localPackage, license, deviceId, root, start }: InstallRequest,
  { now, signal, onStep }: { now: Date; signal: AbortSignal; onStep: (step: InstallStep) => void },
): Promise<InstallOutcome> {
  const { appId, version } = localPackage
  const judged = await verifyLicense(license, { trust: [root], deviceId, appId, now })
  if (!judged.valid) return { result: 'REFUSED', detail: judged.detail }
  const there = (await driver.listApps({ signal })).find((app) => app.appId === appId)
  const wasThere = there?.version === version && there.state !== 'INSTALLING'
  const app = wasThere
    ? there
    : await driver.install(localPackage, {
        signal,
        onProgress: ({ step, percent }) => onStep(step === 'UPLOAD' ? { step, percent } : { step, percent: null }),
      })
  onStep({ step: 'LICENSE', percent: null })
  const { checkedBy } = await driver.placeLicense({ appId, license }, { signal })
  if (start && app.state !== 'RUNNING') {
    onStep({ step: 'START', percent: null })
    await driver.start(appId, { signal })
  }
  const detail =
    checkedBy === 'NOBODY' ? 'No place for the license is known: it is counted, and nobody checks it.' : null
  return { result: 'INSTALLED', version: app.version, wasThere, detail }
}
