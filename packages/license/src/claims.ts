export type LicenseType = 'FULL' | 'TRIAL' | 'SUBSCRIPTION'

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

const maxIdLength = 255

/** Reads claims out of a signed payload, dropping members it does not know; a sentence when they make no license. */
export function parseClaims(payload: Record<string, unknown>): LicenseClaims | string {
  const { jti, sub, app, typ, ord, iat, exp } = payload
  if (!isId(jti)) return 'The claim jti (licenseId) must be a text of 1 to 255 characters.'
  if (!isId(sub)) return 'The claim sub (deviceId) must be a text of 1 to 255 characters.'
  if (!isId(app)) return 'The claim app (appId) must be a text of 1 to 255 characters.'
  if (!isLicenseType(typ)) return 'The claim typ must be FULL, TRIAL or SUBSCRIPTION.'
  if (ord !== null && !isId(ord)) return 'The claim ord (orderId) must be null or a text of 1 to 255 characters.'
  if (!isSeconds(iat)) return 'The claim iat must be whole seconds since 1970.'
  if (typ === 'FULL') {
    // A FULL license must never fail for a clock, so one that names an end contradicts itself.
    return exp === undefined ? { jti, sub, app, typ, ord, iat } : 'A FULL license must not have the claim exp.'
  }
  if (!isSeconds(exp) || exp <= iat) return `A ${typ} license needs the claim exp, later than iat.`
  return { jti, sub, app, typ, ord, iat, exp }
}

function isId(value: unknown): value is string {
  // A lone surrogate would be written as U+FFFD, and the license would name another id than was asked for.
  return typeof value === 'string' && value !== '' && value.length <= maxIdLength && value.isWellFormed()
}

function isLicenseType(value: unknown): value is LicenseType {
  return value === 'FULL' || value === 'TRIAL' || value === 'SUBSCRIPTION'
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
