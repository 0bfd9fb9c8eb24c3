import { type GrantClaims, parseGrantClaims } from './grant-claims.ts'
import { parseJws, readPayload } from './jws.ts'
import type { PublicLicenseKey } from './keys.ts'
import { openStatement, type StatementKind } from './signed-claims.ts'

/**
 * Why a grant is not accepted. `expired`: past the moment by which it had to be imported; `unknown-key`: by no key of the app's
 * maker.
 */
export type GrantRefusal = 'expired' | 'other-app' | 'other-platform' | 'unknown-key' | 'damaged'

/** `claims` of a refused grant are given only when its signature held. */
export type GrantVerification =
  | { valid: true; claims: GrantClaims; keyId: string }
  | { valid: false; reason: GrantRefusal; detail: string; claims: GrantClaims | null }

export const grantKind: StatementKind<GrantClaims> = {
  type: 'ocelli-grant+jwt',
  name: 'The grant',
  read: parseGrantClaims,
}

/**
 * Judges a grant as the platform does that shall accept it: signed by one of the app's maker keys (`trust`), for this
 * app and this platform's root key (`rootThumbprint`), and not past its `exp`. Never throws for any text; rejects only
 * when a key in `trust` is no Ed25519 key.
 */
export async function verifyGrant(
  text: string,
  options: { trust: readonly PublicLicenseKey[]; appId: string; rootThumbprint: string; now: Date },
): Promise<GrantVerification> {
  const opened = await openStatement(text, grantKind, options.trust)
  if (opened.kind === 'refused') return { valid: false, reason: opened.reason, detail: opened.detail, claims: null }
  const { claims, keyId } = opened
  if (claims.app !== options.appId) {
    return refused('other-app', `The grant is for app ${claims.app}, not for ${options.appId}.`, claims)
  }
  if (claims.root !== options.rootThumbprint) {
    const detail = `The grant is for the platform of root key ${claims.root}, this one has ${options.rootThumbprint}.`
    return refused('other-platform', detail, claims)
  }
  // The comparison is false for a broken date, and a grant must not outlast a clock that nobody can read.
  if (claims.exp !== undefined && !(options.now.getTime() / 1000 < claims.exp)) {
    return refused('expired', `The grant had to be imported before second ${claims.exp} since 1970 (UTC).`, claims)
  }
  return { valid: true, claims, keyId }
}

/**
 * What a grant says of itself, NOT verified: only good for finding out whose keys to verify it with. Null when the text
 * is no grant. Never throws.
 */
export function readUnverifiedGrant(text: string): { claims: GrantClaims; keyId: string } | null {
  const parsed = parseJws(text, grantKind.type)
  if (parsed.kind === 'damaged') return null
  const payload = readPayload(parsed.jws)
  const claims = payload === null ? '' : parseGrantClaims(payload)
  return typeof claims === 'string' ? null : { claims, keyId: parsed.jws.kid }
}

function refused(reason: GrantRefusal, detail: string, claims: GrantClaims): GrantVerification {
  return { valid: false, reason, detail, claims }
}
