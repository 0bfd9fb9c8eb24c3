import { decodeBase64url } from './base64url.ts'
import type { PublicLicenseKey } from './keys.ts'
import { isRecord } from './record.ts'

/**
 * Exact media types keep the kinds of statement apart (RFC 8725 section 3.11): none can pass as another. The number is
 * the longest text of that kind that is looked at, in characters.
 */
export const maxJwsLength = {
  'ocelli-license+jwt': 16 * 1024,
  'ocelli-key+jwt': 4 * 1024,
  'ocelli-grant+jwt': 8 * 1024,
  'ocelli-bundle+jwt': 32 * 1024 * 1024,
  'ocelli-receipt+jwt': 4 * 1024 * 1024,
} as const
export type JwsType = keyof typeof maxJwsLength

export interface Jws {
  kid: string
  payloadPart: string
  signingInput: Uint8Array<ArrayBuffer>
  signature: Uint8Array<ArrayBuffer>
}

export type ParsedJws = { kind: 'jws'; jws: Jws } | { kind: 'damaged'; detail: string }

const signatureBytes = 64
const maxHeaderLength = 1024

/**
 * Takes a compact JWS (RFC 7515 section 7.1) apart; white space and a byte order mark around it are allowed. Says
 * nothing yet about whether the signature holds. The payload stays unread until then: megabytes of brackets become
 * gigabytes of objects.
 */
export function parseJws(text: string, type: JwsType): ParsedJws {
  if (typeof text !== 'string') return damaged('It is not a text.')
  if (text.length > maxJwsLength[type]) return damaged(`It is longer than ${maxJwsLength[type] / 1024} KiB.`)
  // The limit keeps a text of nothing but dots from becoming a list of millions.
  const parts = text.trim().split('.', 4)
  const [headerPart, payloadPart, signaturePart] = parts
  if (parts.length !== 3 || headerPart === undefined || payloadPart === undefined || signaturePart === undefined) {
    return damaged('It does not have the three parts of a compact JWS.')
  }
  const header = headerPart.length > maxHeaderLength ? null : decodeJson(headerPart)
  const signature = signaturePart.length > maxHeaderLength ? null : decodeBase64url(signaturePart)
  if (header === null || signature?.length !== signatureBytes) return damaged('One of its parts is not readable.')
  if (header.alg !== 'EdDSA') return damaged('It is not signed with EdDSA.')
  if (header.typ !== type) return damaged(`Its type is not ${type}.`)
  if (typeof header.kid !== 'string' || header.kid === '') return damaged('It does not name its key.')
  // RFC 7515 section 4.1.11: extensions marked critical must be refused by who does not know them. We know none.
  if ('crit' in header) return damaged('It needs an extension that this verifier does not know.')
  const signingInput = new TextEncoder().encode(`${headerPart}.${payloadPart}`)
  return { kind: 'jws', jws: { kid: header.kid, payloadPart, signingInput, signature } }
}

/** The payload of a JWS, signed or not; null when it is no JSON object in canonical base64url. */
export function readPayload(jws: Jws): Record<string, unknown> | null {
  return decodeJson(jws.payloadPart)
}

/** Whether one of the keys made the signature. Rejects when one of them is no Ed25519 key. */
export async function isSignedByAny(jws: Jws, keys: readonly PublicLicenseKey[]): Promise<boolean> {
  for (const { kty, crv, x } of keys) {
    const key = await crypto.subtle.importKey('jwk', { kty, crv, x }, 'Ed25519', false, ['verify'])
    if (await crypto.subtle.verify('Ed25519', key, jws.signature, jws.signingInput)) return true
  }
  return false
}

function damaged(detail: string): ParsedJws {
  return { kind: 'damaged', detail }
}

function decodeJson(part: string): Record<string, unknown> | null {
  const bytes = decodeBase64url(part)
  if (bytes === null) return null
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return isRecord(value) ? value : null
  } catch {
    // Either decoder throws only for text that is not UTF-8 or not JSON, which is what null says.
    return null
  }
}
