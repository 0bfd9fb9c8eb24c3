import { isSignedByAny, type Jws, parseJws, readPayload } from './jws.ts'
import { type PublicLicenseKey, parsePublicKey } from './keys.ts'

/** A key certificate whose signature nobody has looked at yet. `rootId` says who claims to have signed it. */
export interface KeyCertificate {
  rootId: string
  /** The key it vouches for. */
  key: PublicLicenseKey
  /** The root's own key, which certificates carry since there are grants; null in older ones. */
  root: PublicLicenseKey | null
  jws: Jws
}

/** Reads a key certificate; a sentence when it is damaged. */
export async function parseKeyCertificate(text: string): Promise<KeyCertificate | string> {
  const parsed = parseJws(text, 'ocelli-key+jwt')
  if (parsed.kind === 'damaged') return `The key certificate is damaged. ${parsed.detail}`
  const payload = readPayload(parsed.jws)
  const key = await parsePublicKey(payload?.jwk)
  if (payload === null || key === null || payload.sub !== key.kid) {
    return 'The key certificate does not name a whole Ed25519 key.'
  }
  const root = payload.root === undefined ? null : await parsePublicKey(payload.root)
  if (payload.root !== undefined && root?.kid !== parsed.jws.kid) {
    return 'The key certificate does not carry the key of the root that signed it.'
  }
  return { rootId: parsed.jws.kid, key, root, jws: parsed.jws }
}

/** Whether one of the roots vouches for the certificate's key. */
export function isCertifiedBy(certificate: KeyCertificate, roots: readonly PublicLicenseKey[]): Promise<boolean> {
  return isSignedByAny(certificate.jws, roots)
}
