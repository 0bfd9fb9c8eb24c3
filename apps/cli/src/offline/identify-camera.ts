import { DriverError, type DriverTable, type Finding } from '@ocelli/driver'
import { openCamera } from './open-camera.ts'
import type { SiteCamera } from './site-file.ts'

const unknown = { architecture: null, platformLevel: null, appFormats: [], unsignedApps: null, loginProblem: null }

/** What a finding says without a login. */
export const unidentified = (finding: Finding): SiteCamera => ({ ...finding, ...unknown })

export interface IdentifyOptions {
  login: { user: string; password: string }
  drivers: DriverTable
  /** Sets the camera's clock, too. */
  setsClock: boolean
  signal: AbortSignal
}

/**
 * Reads a found camera's identity and facts with a login: one login and no second try, since a camera that is shared with a
 * video system locks out both. What goes wrong is told in `loginProblem`. Rejects only when aborted.
 */
export async function identifyCamera(finding: Finding, options: IdentifyOptions): Promise<SiteCamera> {
  const { login, drivers, setsClock, signal } = options
  const [address] = finding.addresses
  if (address === undefined)
    return { ...unidentified(finding), loginProblem: 'It told no address that can be reached.' }
  try {
    const driver = await openCamera({ address, ...login }, { drivers, signal })
    try {
      const { deviceId } = await driver.readIdentity({ signal })
      const facts = await driver.readFacts({ signal })
      const clock = setsClock ? await driver.setClock?.({ signal }) : undefined
      const { manufacturer, model, serialNumber, macAddress, firmwareVersion, ...fit } = facts
      return {
        ...finding,
        deviceId,
        manufacturer: manufacturer ?? finding.manufacturer,
        model: model ?? finding.model,
        serialNumber: serialNumber ?? finding.serialNumber,
        macAddress: macAddress ?? finding.macAddress,
        firmwareVersion: firmwareVersion ?? finding.firmwareVersion,
        clockOffsetMs: clock ? clock.afterMs : finding.clockOffsetMs,
        ...{ architecture: fit.architecture, platformLevel: fit.platformLevel, appFormats: fit.appFormats },
        unsignedApps: fit.unsignedApps ?? null,
        loginProblem: null,
      }
    } finally {
      await driver.close()
    }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof DriverError)) throw error
    return { ...unidentified(finding), loginProblem: error.message }
  }
}
