import { decodeBase64url } from './base64url.ts'
import { isCount, isId, isText, isUuid, readList } from './claim-values.ts'

/** What became of one license on one device. */
export interface ReceiptEntry {
  licenseId: string
  deviceId: string
  appId: string
  result: 'INSTALLED' | 'REMOVED' | 'FAILED'
  /** The app's version, where one is known. */
  version: string | null
  /** A sentence, up to 1000 characters, where there is something to say. */
  detail: string | null
  /** Seconds since 1970 by the clock of the one who signs. */
  at: number
  /** 16 random bytes, base64url. An entry counts once per nonce. */
  nonce: string
}

/** What somebody did to cameras that the platform does not reach. Times are seconds since 1970. */
export interface ReceiptClaims {
  /** receiptId, a UUID */
  jti: string
  /** bundleId, null when no bundle was applied */
  bundle: string | null
  iat: number
  entries: ReceiptEntry[]
}

const nonceBytes = 16

/** Reads claims out of a signed payload, dropping members it does not know; a sentence when they make no receipt. */
export function parseReceiptClaims(payload: Record<string, unknown>): ReceiptClaims | string {
  const { jti, bundle, iat } = payload
  if (!isUuid(jti)) return 'The claim jti (receiptId) must be a UUID in lower case.'
  if (bundle !== null && !isUuid(bundle)) return 'The claim bundle (bundleId) must be null or a UUID in lower case.'
  if (!isCount(iat)) return 'The claim iat must be whole seconds since 1970.'
  const entries = readList('entries', payload.entries, readEntry)
  return typeof entries === 'string' ? entries : { jti, bundle, iat, entries }
}

function readEntry(entry: Record<string, unknown>): ReceiptEntry | string {
  const { licenseId, deviceId, appId, result, version, detail, at, nonce } = entry
  if (!isUuid(licenseId)) return 'licenseId must be a UUID in lower case.'
  if (!isId(deviceId)) return 'deviceId must be a text of 1 to 255 characters.'
  if (!isId(appId)) return 'appId must be a text of 1 to 255 characters.'
  if (result !== 'INSTALLED' && result !== 'REMOVED' && result !== 'FAILED') {
    return 'result must be INSTALLED, REMOVED or FAILED.'
  }
  if (version !== null && !isText(version, 1024)) return 'version must be null or a text of at most 1024 characters.'
  if (detail !== null && !isText(detail, 1000)) return 'detail must be null or a text of at most 1000 characters.'
  if (!isCount(at)) return 'at must be whole seconds since 1970.'
  if (typeof nonce !== 'string' || nonce.length > 32 || decodeBase64url(nonce)?.length !== nonceBytes) {
    return 'nonce must be 16 bytes in base64url.'
  }
  return { licenseId, deviceId, appId, result, version, detail, at, nonce }
}
