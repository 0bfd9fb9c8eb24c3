/** The verifier alone, for apps: no code that signs, nothing beyond Web Crypto. */
export type { LicenseType } from './claim-values.ts'
export type { LicenseClaims } from './claims.ts'
export type { GrantClaims } from './grant-claims.ts'
export { type PublicLicenseKey, parsePublicKey, thumbprint } from './keys.ts'
export { type LicenseRefusal, type LicenseVerification, type VerifyOptions, verifyLicense } from './verify.ts'
