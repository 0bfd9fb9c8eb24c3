import { isCount, isId, isLicenseType, type LicenseType } from './claim-values.ts'

/** What a license says. Times are seconds since 1970 (RFC 7519 NumericDate); `exp` is there unless `typ` is FULL. */
export interface LicenseClaims {
  /** licenseId */
  jti: string
  /** deviceId, exactly as the camera reports it */
  sub: string
  /** appId */
  app: string
  typ: LicenseType
  /** orderId, null when no order is named */
  ord: string | null
  iat: number
  exp?: number
}

/** Reads claims out of a signed payload, dropping members it does not know; a sentence when they make no license. */
export function parseClaims(payload: Record<string, unknown>): LicenseClaims | string {
  const { jti, sub, app, typ, ord, iat, exp } = payload
  if (!isId(jti)) return 'The claim jti (licenseId) must be a text of 1 to 255 characters.'
  if (!isId(sub)) return 'The claim sub (deviceId) must be a text of 1 to 255 characters.'
  if (!isId(app)) return 'The claim app (appId) must be a text of 1 to 255 characters.'
  if (!isLicenseType(typ)) return 'The claim typ must be FULL, TRIAL or SUBSCRIPTION.'
  if (ord !== null && !isId(ord)) return 'The claim ord (orderId) must be null or a text of 1 to 255 characters.'
  if (!isCount(iat)) return 'The claim iat must be whole seconds since 1970.'
  if (typ === 'FULL') {
    // A FULL license must never fail for a clock, so one that names an end contradicts itself.
    return exp === undefined ? { jti, sub, app, typ, ord, iat } : 'A FULL license must not have the claim exp.'
  }
  if (!isCount(exp) || exp <= iat) return `A ${typ} license needs the claim exp, later than iat.`
  return { jti, sub, app, typ, ord, iat, exp }
}
