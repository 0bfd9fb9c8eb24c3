import { type PublicLicenseKey, verifyLicense } from '@ocelli/license'
import type { AxisApp } from './axis-app.ts'

/** Apps that check license files by themselves, as those with a protection of their own (`custom`) do. */
export interface OwnLicenses {
  /** Why this is no license for the app on this camera; null when it is one. */
  refusal(app: AxisApp, text: string): Promise<string | null>
  /** Whether the app holds a license, in one of its parameters or posted to it, or needs none. */
  isLicensed(app: AxisApp): Promise<boolean>
}

export interface OwnLicensesOptions {
  /** Root or signing keys that the apps believe; without any they ask for nothing. */
  trust: readonly PublicLicenseKey[]
  serialNumber: () => string
  deviceNow: () => Date
}

export function createOwnLicenses({ trust, serialNumber, deviceNow }: OwnLicensesOptions): OwnLicenses {
  async function refusal(app: AxisApp, text: string): Promise<string | null> {
    if (trust.length === 0) return null
    const verdict = await verifyLicense(text, { trust, deviceId: serialNumber(), appId: app.name, now: deviceNow() })
    return verdict.valid ? null : `${verdict.reason}: ${verdict.detail}`
  }
  return {
    refusal,
    async isLicensed(app) {
      if (trust.length === 0 || app.copyProtection !== 'custom') return true
      const texts = [...app.parameters.map(({ value }) => value), ...app.received.values()]
      for (const text of texts) if (text !== '' && (await refusal(app, text)) === null) return true
      return false
    },
  }
}
