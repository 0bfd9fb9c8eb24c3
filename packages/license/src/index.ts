export type { LicenseClaims, LicenseType } from './claims.ts'
export { certifyKey, signLicense } from './issue.ts'
export {
  generateLicenseKey,
  type PrivateLicenseKey,
  type PublicLicenseKey,
  thumbprint,
  toPublicKey,
} from './keys.ts'
export { decodeLicenseFile, encodeLicenseFile, type LicenseFile, LicenseFileError } from './license-file.ts'
export { type LicenseRefusal, type LicenseVerification, type VerifyOptions, verifyLicense } from './verify.ts'
