import { isSignedByAny, type Jws, type JwsType, parseJws, readPayload } from './jws.ts'
import type { PublicLicenseKey } from './keys.ts'

export type Opened<Claims> =
  | { kind: 'opened'; claims: Claims; keyId: string }
  | { kind: 'refused'; reason: 'damaged' | 'unknown-key'; detail: string }

/** How one kind of statement is called and read. `read` gives a sentence for a payload that contradicts itself. */
export interface StatementKind<Claims> {
  type: JwsType
  /** With its article, as it begins a sentence. */
  name: string
  read: (payload: Record<string, unknown>) => Claims | string
}

/** Opens a statement that one of the trusted keys has signed. */
export async function openStatement<Claims extends object>(
  text: string,
  kind: StatementKind<Claims>,
  trust: readonly PublicLicenseKey[],
): Promise<Opened<Claims>> {
  const parsed = parseJws(text, kind.type)
  if (parsed.kind === 'damaged') return refused('damaged', `${kind.name} is damaged. ${parsed.detail}`)
  const keys = trust.filter((key) => key.kid === parsed.jws.kid)
  if (keys.length === 0) {
    return refused('unknown-key', `${kind.name} is signed by key ${parsed.jws.kid}, which is not trusted here.`)
  }
  return await openSigned(parsed.jws, kind, keys)
}

/** Reads the claims of a JWS, but only when one of the keys has signed it. */
export async function openSigned<Claims extends object>(
  jws: Jws,
  kind: StatementKind<Claims>,
  keys: readonly PublicLicenseKey[],
): Promise<Opened<Claims>> {
  if (!(await isSignedByAny(jws, keys))) {
    return refused(
      'damaged',
      `The signature does not match: ${kind.name.toLowerCase()} was changed, or copied in part.`,
    )
  }
  const payload = readPayload(jws)
  const claims = payload === null ? 'It holds no JSON object.' : kind.read(payload)
  if (typeof claims === 'string') return refused('damaged', `${kind.name} contradicts itself. ${claims}`)
  return { kind: 'opened', claims, keyId: jws.kid }
}

function refused(reason: 'damaged' | 'unknown-key', detail: string): Opened<never> {
  return { kind: 'refused', reason, detail }
}
