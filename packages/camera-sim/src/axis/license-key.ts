import { createHash, timingSafeEqual } from 'node:crypto'

/** What a license key of Axis binds, by its states: the app's number, the device, versions and an end. */
export interface AxisLicenseKey {
  applicationId: string
  /** The serial number of the camera. */
  deviceId: string
  /** `major.minor`, both included; null for no bound. */
  minVersion: string | null
  maxVersion: string | null
  /** `YYYY-MM-DD`; null for a key without end. */
  expires: string | null
}

const fields = ['applicationId', 'deviceId', 'minVersion', 'maxVersion', 'expires'] as const

/**
 * A license key file for simulated cameras. Axis' own form is not public: this is an XML of the simulator's, which only
 * its cameras take. Clients treat the file as opaque.
 */
export function writeAxisLicenseKey(
  key: Partial<AxisLicenseKey> & Pick<AxisLicenseKey, 'applicationId' | 'deviceId'>,
): string {
  const whole = { minVersion: null, maxVersion: null, expires: null, ...key }
  const lines = fields.map((field) => `  <${field}>${whole[field] ?? ''}</${field}>\n`)
  return `<?xml version="1.0"?>\n<simulatedLicenseKey>\n${lines.join('')}  <seal>${sealOf(whole)}</seal>\n</simulatedLicenseKey>\n`
}

/** Null when it is not one, or was changed. */
export function readAxisLicenseKey(text: string): AxisLicenseKey | null {
  if (!text.includes('<simulatedLicenseKey>')) return null
  const value = (field: string) => new RegExp(`<${field}>([^<]*)</${field}>`).exec(text)?.[1] || null
  const [applicationId, deviceId] = [value('applicationId'), value('deviceId')]
  if (applicationId === null || deviceId === null) return null
  const key = {
    applicationId,
    deviceId,
    minVersion: value('minVersion'),
    maxVersion: value('maxVersion'),
    expires: value('expires'),
  }
  const seals = [value('seal') ?? '', sealOf(key)].map((seal) => createHash('sha256').update(seal).digest())
  const [given, right] = seals
  return given !== undefined && right !== undefined && timingSafeEqual(given, right) ? key : null
}

function sealOf(key: AxisLicenseKey): string {
  const text = fields.map((field) => key[field] ?? '').join('\n')
  return createHash('sha256').update(`simulated license key\n${text}`).digest('hex')
}
