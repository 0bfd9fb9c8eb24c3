import { type PublicLicenseKey, verifyLicense } from '@ocelli/license'
import { faults } from '../soap/soap-fault.ts'
import type { InstalledApp, InstalledLicense } from './app.ts'

export interface LicensingOptions {
  trust: readonly PublicLicenseKey[]
  licenseRequired: 'all' | 'none' | readonly string[]
  deviceId: () => string
  deviceNow: () => Date
}

export interface Licensing {
  /** Judges a license file for an app. Throws SoapFault with the reason. */
  accept(app: InstalledApp, text: string): Promise<InstalledLicense>
  /** Why the app may not run; null when it may. */
  refusalToRun(app: InstalledApp): Promise<string | null>
}

export function createLicensing(options: LicensingOptions): Licensing {
  const { trust, licenseRequired, deviceId, deviceNow } = options
  const verify = (text: string, appId: string) =>
    verifyLicense(text, { trust, deviceId: deviceId(), appId, now: deviceNow() })

  return {
    async accept(app, text) {
      const verdict = await verify(text, app.appId)
      if (!verdict.valid) throw faults.invalidValue('InvalidFormat', `${verdict.reason}: ${verdict.detail}`)
      const { jti, typ, iat, exp } = verdict.claims
      return {
        licenseId: jti,
        licenseType: typ,
        validFromMs: iat * 1000,
        validUntilMs: exp === undefined ? null : exp * 1000,
        text,
      }
    },
    async refusalToRun(app) {
      const isRequired =
        licenseRequired === 'all' || (licenseRequired !== 'none' && licenseRequired.includes(app.appId))
      if (!isRequired) return null
      let reason = `The app ${app.appId} has no license on this camera.`
      for (const license of app.licenses) {
        const verdict = await verify(license.text, app.appId)
        if (verdict.valid) return null
        reason = `The license of ${app.appId} is not valid. ${verdict.reason}: ${verdict.detail}`
      }
      return reason
    },
  }
}
