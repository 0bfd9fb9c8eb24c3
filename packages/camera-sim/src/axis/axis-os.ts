/** How one version of AXIS OS behaves, as far as its application interface is concerned. */
export interface AxisOs {
  /** `11.11.73` */
  version: string
  /** Version of the application interface, as `Properties.EmbeddedDevelopment.Version` tells it. */
  embeddedDevelopment: string
  buildDate: string
  /** list.cgi came with 1.20 of the interface. */
  hasList: boolean
  hasBasicDeviceInfo: boolean
  /** systemready.cgi, and whether it tells uptime and boot id. */
  systemReady: 'absent' | 'plain' | 'full'
  hasConfig: boolean
  hasAllowRoot: boolean
  /** Errors of config.cgi carry HTTP status 400 since 12.2, 200 before. */
  configErrorStatus: 200 | 400
  allowsUnsigned: boolean
  allowsRoot: boolean
  /** Before 9.20 a signature is cut off and not looked at. */
  verifiesSignature: boolean
  /** Before 10.7 only package.conf counts. */
  readsManifest: boolean
  /**
   * An update deletes the app's folder: settings, license key and what was posted to it are gone, and it stands still. So in the installer
   * of AXIS OS 5; from where on folders are saved and put back is not known.
   */
  updateForgets: boolean
  /** list.cgi prints two numbers of a version. */
  listsShortVersion: boolean
  /** compatibleOsVersions: read since 12.10, and asked for since 13. */
  compatibility: 'ignored' | 'checked' | 'required'
  checksVendorId: boolean
  /** How many apps may run at once; the limit went with 12.6. */
  maxRunning: number | null
  /** list.cgi tells Bundled, SignatureStatus and CompatibleOsVersions. */
  listsSignature: boolean
  /** The challenge before 10 has no qop and no opaque, and Basic is offered beside Digest. */
  challenge: 'plain' | 'full'
  missingGroupEnding: '' | '!'
  /** The first administrator may have any name; before it must be root. */
  anyFirstName: boolean
  /** Digest is not offered over HTTPS any more. */
  basicOnlyOverHttps: boolean
}

const generations: readonly { prefix: string; version: string; embeddedDevelopment: string; buildDate: string }[] = [
  { prefix: '5.20', version: '5.20', embeddedDevelopment: '1.10', buildDate: 'Mar 02 2011 10:12' },
  { prefix: '5', version: '5.51.7', embeddedDevelopment: '1.22', buildDate: 'Sep 18 2019 08:30' },
  { prefix: '9', version: '9.80.1', embeddedDevelopment: '2.16', buildDate: 'Apr 29 2020 06:50' },
  { prefix: '10', version: '10.12.300', embeddedDevelopment: '2.21', buildDate: 'Mar 08 2025 14:01' },
  { prefix: '11', version: '11.11.73', embeddedDevelopment: '3.0', buildDate: 'Feb 12 2025 09:45' },
  { prefix: '12', version: '12.11.77', embeddedDevelopment: '3.0', buildDate: 'Jun 03 2026 11:20' },
  { prefix: '13', version: '13.0.20', embeddedDevelopment: '3.0', buildDate: 'Nov 02 2026 11:20' },
]

/** The behaviour of a version such as `11.11` or `9.80.1`; a first number alone is the usual one of that generation. */
export function axisOs(wanted: string): AxisOs {
  const generation = generations.find(({ prefix }) => wanted === prefix || wanted.startsWith(`${prefix}.`))
  if (generation === undefined || !/^\d+(\.\d+){0,3}$/.test(wanted)) {
    throw new TypeError(`AXIS OS ${wanted} is not simulated. Known: 5, 9, 10, 11, 12 and 13.`)
  }
  const version = generation.version.startsWith(wanted) ? generation.version : wanted
  const from = (least: string) => compareOs(version, least) >= 0
  return {
    version,
    embeddedDevelopment: generation.embeddedDevelopment,
    buildDate: generation.buildDate,
    hasList: generation.embeddedDevelopment !== '1.10',
    hasBasicDeviceInfo: from('8.40'),
    systemReady: from('11.0') ? 'full' : from('9.50') ? 'plain' : 'absent',
    hasConfig: from('11.2'),
    hasAllowRoot: from('11.5') && !from('12.0'),
    configErrorStatus: from('12.2') ? 400 : 200,
    allowsUnsigned: !from('12.0'),
    allowsRoot: !from('11.8'),
    verifiesSignature: from('9.20'),
    readsManifest: from('10.7'),
    updateForgets: !from('6.0'),
    listsShortVersion: !from('6.0'),
    compatibility: from('13.0') ? 'required' : from('12.10') ? 'checked' : 'ignored',
    checksVendorId: from('12.10'),
    maxRunning: from('12.6') ? null : 10,
    listsSignature: from('12.0'),
    challenge: from('10.0') ? 'full' : 'plain',
    missingGroupEnding: from('11.0') ? '!' : '',
    anyFirstName: from('11.5'),
    basicOnlyOverHttps: from('12.0'),
  }
}

/** Segment by segment, missing ones counted as 0; negative when the first is older. */
export function compareOs(one: string, other: string): number {
  const [left, right] = [one, other].map((text) => text.split('.').map(Number))
  for (let index = 0; index < Math.max(left?.length ?? 0, right?.length ?? 0); index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** Whether a version lies in a range whose upper bound holds for everything that begins with it. */
export function isInRange(version: string, { min, max }: { min: string | null; max: string | null }): boolean {
  if (min !== null && compareOs(version, min) < 0) return false
  if (max === null) return true
  const depth = max.split('.').length
  return compareOs(version.split('.').slice(0, depth).join('.'), max) <= 0
}
