import { isCount, isId, isLicenseType, isText, isUuid, type LicenseType, readList } from './claim-values.ts'
import { isLicenseFile } from './license-file.ts'

/** A package in a bundle; the file is `packages/<sha256>`. */
export interface BundlePackage {
  packageId: string
  appId: string
  version: string
  versionCode: number
  format: 'apk' | 'eap'
  /** Empty: any. */
  architectures: string[]
  minPlatformLevel: number | null
  /** Bytes. */
  size: number
  /** 64 digits, lower case. */
  sha256: string
}

/** A license in a bundle; `file` is `token~keyCertificate[~grant]`. */
export interface BundleLicense {
  licenseId: string
  appId: string
  deviceId: string
  licenseType: LicenseType
  file: string
}

/** What to install where, by ids of this manifest. */
export interface BundleInstall {
  deviceId: string
  appId: string
  packageId: string
  licenseId: string
}

/** What a platform lets be installed without it. Times are seconds since 1970. */
export interface BundleClaims {
  /** bundleId, a UUID */
  jti: string
  /** accountId, a UUID */
  acc: string
  iat: number
  exp: number
  packages: BundlePackage[]
  licenses: BundleLicense[]
  installs: BundleInstall[]
}

const sha256Form = /^[0-9a-f]{64}$/
const maxArchitectures = 32

/** Reads claims out of a signed payload, dropping members it does not know; a sentence when they make no bundle. */
export function parseBundleClaims(payload: Record<string, unknown>): BundleClaims | string {
  const { jti, acc, iat, exp } = payload
  if (!isUuid(jti)) return 'The claim jti (bundleId) must be a UUID in lower case.'
  if (!isUuid(acc)) return 'The claim acc (accountId) must be a UUID in lower case.'
  if (!isCount(iat)) return 'The claim iat must be whole seconds since 1970.'
  if (!isCount(exp) || exp <= iat) return 'The claim exp must be whole seconds, later than iat.'
  const packages = readList('packages', payload.packages, readPackage)
  if (typeof packages === 'string') return packages
  const licenses = readList('licenses', payload.licenses, readLicense)
  if (typeof licenses === 'string') return licenses
  const installs = readList('installs', payload.installs, readInstall)
  if (typeof installs === 'string') return installs
  return findContradiction(packages, licenses, installs) ?? { jti, acc, iat, exp, packages, licenses, installs }
}

function readPackage(entry: Record<string, unknown>): BundlePackage | string {
  const { packageId, appId, version, versionCode, format, architectures, minPlatformLevel, size, sha256 } = entry
  if (!isUuid(packageId)) return 'packageId must be a UUID in lower case.'
  if (!isId(appId)) return 'appId must be a text of 1 to 255 characters.'
  if (!isText(version, 1024)) return 'version must be a text of at most 1024 characters.'
  if (!isCount(versionCode)) return 'versionCode must be a whole number.'
  if (format !== 'apk' && format !== 'eap') return 'format must be apk or eap.'
  if (!Array.isArray(architectures) || architectures.length > maxArchitectures || !architectures.every(isId)) {
    return 'architectures must be a list of at most 32 names.'
  }
  if (minPlatformLevel !== null && !isCount(minPlatformLevel)) return 'minPlatformLevel must be null or a whole number.'
  if (!isCount(size)) return 'size must be a whole number of bytes.'
  if (typeof sha256 !== 'string' || !sha256Form.test(sha256)) return 'sha256 must be 64 digits in lower case.'
  return { packageId, appId, version, versionCode, format, architectures, minPlatformLevel, size, sha256 }
}

function readLicense(entry: Record<string, unknown>): BundleLicense | string {
  const { licenseId, appId, deviceId, licenseType, file } = entry
  if (!isUuid(licenseId)) return 'licenseId must be a UUID in lower case.'
  if (!isId(appId)) return 'appId must be a text of 1 to 255 characters.'
  if (!isId(deviceId)) return 'deviceId must be a text of 1 to 255 characters.'
  if (!isLicenseType(licenseType)) return 'licenseType must be FULL, TRIAL or SUBSCRIPTION.'
  if (typeof file !== 'string' || !isLicenseFile(file)) return 'file must be a license file.'
  return { licenseId, appId, deviceId, licenseType, file }
}

function readInstall(entry: Record<string, unknown>): BundleInstall | string {
  const { deviceId, appId, packageId, licenseId } = entry
  if (!isId(deviceId)) return 'deviceId must be a text of 1 to 255 characters.'
  if (!isId(appId)) return 'appId must be a text of 1 to 255 characters.'
  if (!isUuid(packageId)) return 'packageId must be a UUID in lower case.'
  if (!isUuid(licenseId)) return 'licenseId must be a UUID in lower case.'
  return { deviceId, appId, packageId, licenseId }
}

/** Whoever applies a bundle looks its parts up by id: none may be there twice, missing, or of another app or device. */
function findContradiction(
  packages: readonly BundlePackage[],
  licenses: readonly BundleLicense[],
  installs: readonly BundleInstall[],
): string | null {
  const packageOf = new Map(packages.map((entry) => [entry.packageId, entry]))
  if (packageOf.size < packages.length) return 'A package is listed twice.'
  const licenseOf = new Map(licenses.map((entry) => [entry.licenseId, entry]))
  if (licenseOf.size < licenses.length) return 'A license is listed twice.'
  const pairs = new Set(installs.map(({ deviceId, appId }) => JSON.stringify([deviceId, appId])))
  if (pairs.size < installs.length) return 'An app is to be installed twice on one device.'
  for (const { deviceId, appId, packageId, licenseId } of installs) {
    const license = licenseOf.get(licenseId)
    if (packageOf.get(packageId)?.appId !== appId) return `Package ${packageId} is not one of app ${appId}.`
    if (license?.appId !== appId || license.deviceId !== deviceId) {
      return `License ${licenseId} is not one of app ${appId} on device ${deviceId}.`
    }
  }
  return null
}
