import { isCount, isId, isLicenseType, isText, isUuid, type LicenseType } from './claim-values.ts'
import type { LicenseClaims } from './claims.ts'

/** What an app maker grants to one platform. Times are seconds since 1970. */
export interface GrantClaims {
  /** grantId, a UUID; a platform accepts it once. */
  jti: string
  /** appId */
  app: string
  typ: LicenseType
  /** Units, 1 to 2,147,483,647. */
  qty: number
  /** The maker's order in the maker's own words, 1 to 200 characters; may be the orderId of an order on the platform. */
  ord: string
  iat: number
  /** Days that a SUBSCRIPTION lasts from the moment the platform accepts the grant, 1 to 36,500; no other type has it. */
  term?: number
  /** Last moment a platform accepts the grant. Without it a platform may accept it at any time. */
  exp?: number
  /** RFC 7638 thumbprint of the platform's root license key. */
  root: string
}

const daySeconds = 86_400
/** Platforms let no trial be longer; a grant for trials names no term. */
const maxTrialDays = 365
/** Calendar days are up to an hour longer than 24 when clocks change, and two clocks take part. */
const toleranceSeconds = daySeconds
const thumbprintForm = /^[A-Za-z0-9_-]{43}$/

/** Reads claims out of a signed payload, dropping members it does not know; a sentence when they make no grant. */
export function parseGrantClaims(payload: Record<string, unknown>): GrantClaims | string {
  const { jti, app, typ, qty, ord, iat, term, exp, root } = payload
  if (!isUuid(jti)) return 'The claim jti (grantId) must be a UUID in lower case.'
  if (!isId(app)) return 'The claim app (appId) must be a text of 1 to 255 characters.'
  if (!isLicenseType(typ)) return 'The claim typ must be FULL, TRIAL or SUBSCRIPTION.'
  if (!isCount(qty) || qty < 1 || qty > 2_147_483_647) return 'The claim qty must be 1 to 2147483647 units.'
  if (!isText(ord, 200) || ord === '') return 'The claim ord (order) must be a text of 1 to 200 characters.'
  if (!isCount(iat)) return 'The claim iat must be whole seconds since 1970.'
  if (exp !== undefined && (!isCount(exp) || exp <= iat)) return 'The claim exp must be whole seconds, later than iat.'
  if (typeof root !== 'string' || !thumbprintForm.test(root)) return 'The claim root must be a thumbprint of a key.'
  const end = exp === undefined ? {} : { exp }
  if (typ !== 'SUBSCRIPTION') {
    return term === undefined ? { jti, app, typ, qty, ord, iat, ...end, root } : `A ${typ} grant must not have a term.`
  }
  if (!isCount(term) || term < 1 || term > 36_500) return 'A SUBSCRIPTION grant needs a term of 1 to 36500 days.'
  return { jti, app, typ, qty, ord, iat, term, ...end, root }
}

/**
 * The latest second at which a license may end under a grant; null when it may last for ever. The term runs from the
 * moment the platform accepts the grant, which lies before the license was signed and not after the grant's `exp`.
 */
export function latestEnd(grant: GrantClaims, license: LicenseClaims): number | null {
  if (grant.typ === 'FULL') return null
  if (grant.typ === 'TRIAL') return license.iat + maxTrialDays * daySeconds + toleranceSeconds
  const accepted = Math.min(license.iat, grant.exp ?? license.iat)
  return accepted + (grant.term ?? 0) * daySeconds + toleranceSeconds
}
