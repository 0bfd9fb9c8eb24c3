import { createHash, timingSafeEqual } from 'node:crypto'

/** What a license key of Axis binds: the app's number, the device, versions and an end. */
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

/** The elements that cameras look for, in the order that those of AXIS OS 5 insist on; -1 is no bound, and 0 no end. */
const elements = [
  ...['FormatVersion', 'ApplicationID'],
  ...['MinimumMajorVersion', 'MinimumMinorVersion', 'MaximumMajorVersion', 'MaximumMinorVersion'],
  ...['ExpirationDate', 'DeviceID', 'SignatureKeyID'],
] as const
type Values = Record<(typeof elements)[number], string>

/** A license key file in the form of Axis' own. Its signature is the simulator's, which only its cameras take. */
export function writeAxisLicenseKey(
  key: Partial<AxisLicenseKey> & Pick<AxisLicenseKey, 'applicationId' | 'deviceId'>,
): string {
  const [minMajor, minMinor] = boundOf(key.minVersion)
  const [maxMajor, maxMinor] = boundOf(key.maxVersion)
  const values: Values = {
    FormatVersion: '1',
    ApplicationID: key.applicationId,
    MinimumMajorVersion: minMajor,
    MinimumMinorVersion: minMinor,
    MaximumMajorVersion: maxMajor,
    MaximumMinorVersion: maxMinor,
    ExpirationDate: key.expires ?? '0',
    DeviceID: key.deviceId,
    SignatureKeyID: '1',
  }
  const lines = elements.map((name) => `    <${name}>${values[name]}</${name}>\n`).join('')
  return `<LicenseKey>\n    <Info></Info>\n${lines}    <Signature>${signatureOf(values)}</Signature>\n</LicenseKey>\n`
}

/** Null when it is not one, or was changed. */
export function readAxisLicenseKey(text: string): AxisLicenseKey | null {
  if (!/<LicenseKey>[\s\S]*<\/LicenseKey>/.test(text)) return null
  const value = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? ''
  const values = Object.fromEntries(elements.map((name) => [name, value(name)])) as Values
  if (elements.some((name) => values[name] === '')) return null
  const [given, right] = [value('Signature'), signatureOf(values)].map((each) => hash(each))
  if (given === undefined || right === undefined || !timingSafeEqual(given, right)) return null
  const bound = (major: string, minor: string) => (major === '-1' ? null : `${major}.${minor === '-1' ? 0 : minor}`)
  return {
    applicationId: values.ApplicationID,
    deviceId: values.DeviceID.toUpperCase(),
    minVersion: bound(values.MinimumMajorVersion, values.MinimumMinorVersion),
    maxVersion: bound(values.MaximumMajorVersion, values.MaximumMinorVersion),
    expires: values.ExpirationDate === '0' ? null : values.ExpirationDate,
  }
}

const boundOf = (version: string | null | undefined): [string, string] => {
  const [major = '-1', minor = '-1'] = version?.split('.') ?? []
  return [major, minor]
}

const hash = (text: string) => createHash('sha256').update(text).digest()

const signatureOf = (values: Values) =>
  hash(`simulated license key\n${elements.map((name) => values[name]).join('\n')}`).toString('base64')
