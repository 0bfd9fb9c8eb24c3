import { type LicenseClaims, parseClaims } from './claims.ts'
import { isSignedBy, type Jws, parseJws } from './jws.ts'
import { type PublicLicenseKey, parsePublicKey } from './keys.ts'
import { decodeLicenseFile, type LicenseFile, LicenseFileError } from './license-file.ts'

export type LicenseRefusal = 'expired' | 'other-device' | 'other-app' | 'unknown-key' | 'damaged'

/**
 * `clock-unreliable`: the clock is missing or earlier than the license itself, so an end could not be judged.
 * `claims` of a refused license are given only when its signature held.
 */
export type LicenseVerification =
  | { valid: true; claims: LicenseClaims; clock: 'ok' | 'clock-unreliable'; keyId: string }
  | { valid: false; reason: LicenseRefusal; detail: string; claims: LicenseClaims | null }

/** What the verifier stands on: `trust` holds root keys or signing keys, `now` is null on a camera without a clock. */
export interface VerifyOptions {
  trust: readonly PublicLicenseKey[]
  deviceId: string
  appId: string
  now: Date | null
}

type Refused = Extract<LicenseVerification, { valid: false }>

/**
 * Judges a license file or a bare token, without a network. A key in `trust` verifies what it signed itself, or, as a
 * root, licenses of a signing key whose certificate the file carries. FULL licenses never fail for a clock; TRIAL and
 * SUBSCRIPTION are `expired` from `exp` on when the clock can be right (not earlier than `iat`). The grant is not
 * looked at. Never throws for any text; rejects only when a key in `trust` is itself no Ed25519 key.
 */
export async function verifyLicense(text: string, options: VerifyOptions): Promise<LicenseVerification> {
  const file = readFile(text)
  if ('valid' in file) return file
  const parsed = parseJws(file.token, 'ocelli-license+jwt')
  if (parsed.kind === 'damaged') return refused('damaged', `The license token is damaged. ${parsed.detail}`)
  const keys = await findSigningKeys(file, parsed.jws, options.trust)
  if ('valid' in keys) return keys
  if (!(await isSignedByAny(parsed.jws, keys))) {
    return refused('damaged', 'The signature of the license does not match: it was changed, or copied in part.')
  }
  const claims = parseClaims(parsed.jws.payload)
  if (typeof claims === 'string') return refused('damaged', `The license contradicts itself. ${claims}`)
  return judge(claims, parsed.jws.kid, options)
}

function judge(claims: LicenseClaims, keyId: string, options: VerifyOptions): LicenseVerification {
  if (claims.sub !== options.deviceId) {
    return refused('other-device', `The license is for device ${claims.sub}, this is ${options.deviceId}.`, claims)
  }
  if (claims.app !== options.appId) {
    return refused('other-app', `The license is for app ${claims.app}, this is ${options.appId}.`, claims)
  }
  const nowSeconds = options.now === null ? Number.NaN : options.now.getTime() / 1000
  // NaN (no clock, or one that is no date) compares false, and so counts as unreliable.
  const isReliable = nowSeconds >= claims.iat
  // `exp` is later than `iat`, so a clock that has reached it can be right.
  if (claims.exp !== undefined && nowSeconds >= claims.exp) {
    return refused('expired', `The license ended at second ${claims.exp} since 1970 (UTC).`, claims)
  }
  return { valid: true, claims, clock: isReliable ? 'ok' : 'clock-unreliable', keyId }
}

/** The keys that may have signed the token: trusted ones of that id, else the certified one. */
async function findSigningKeys(
  file: LicenseFile,
  token: Jws,
  trust: readonly PublicLicenseKey[],
): Promise<PublicLicenseKey[] | Refused> {
  const direct = trust.filter((key) => key.kid === token.kid)
  if (direct.length > 0) return direct
  if (file.keyCertificate === null) {
    return refused('unknown-key', `The license is signed by key ${token.kid}, which is not trusted here.`)
  }
  const parsed = parseJws(file.keyCertificate, 'ocelli-key+jwt')
  if (parsed.kind === 'damaged') return refused('damaged', `The key certificate is damaged. ${parsed.detail}`)
  const roots = trust.filter((key) => key.kid === parsed.jws.kid)
  if (roots.length === 0) {
    return refused('unknown-key', `The license comes from root key ${parsed.jws.kid}, which is not trusted here.`)
  }
  if (!(await isSignedByAny(parsed.jws, roots))) {
    return refused('damaged', 'The signature of the key certificate does not match.')
  }
  const key = await parsePublicKey(parsed.jws.payload.jwk)
  if (key === null || parsed.jws.payload.sub !== key.kid) {
    return refused('damaged', 'The key certificate does not name a whole Ed25519 key.')
  }
  if (key.kid !== token.kid) {
    return refused('unknown-key', `The key certificate is for key ${key.kid}, the license is signed by ${token.kid}.`)
  }
  return [key]
}

async function isSignedByAny(jws: Jws, keys: readonly PublicLicenseKey[]): Promise<boolean> {
  for (const key of keys) if (await isSignedBy(jws, key)) return true
  return false
}

function readFile(text: string): LicenseFile | Refused {
  try {
    return decodeLicenseFile(text)
  } catch (error) {
    if (error instanceof LicenseFileError) return refused('damaged', error.message)
    throw error
  }
}

function refused(reason: LicenseRefusal, detail: string, claims: LicenseClaims | null = null): Refused {
  return { valid: false, reason, detail, claims }
}
