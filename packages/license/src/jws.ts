import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { importPrivateKey, importPublicKey, type PrivateLicenseKey, type PublicLicenseKey } from './keys.ts'
import { isRecord } from './record.ts'

/** Exact media types keep the two kinds of statement apart (RFC 8725 section 3.11): neither can pass as the other. */
export type JwsType = 'ocelli-license+jwt' | 'ocelli-key+jwt'

export interface Jws {
  kid: string
  payload: Record<string, unknown>
  signingInput: Uint8Array<ArrayBuffer>
  signature: Uint8Array<ArrayBuffer>
}

export type ParsedJws = { kind: 'jws'; jws: Jws } | { kind: 'damaged'; detail: string }

const signatureBytes = 64

export async function signJws(type: JwsType, payload: object, key: PrivateLicenseKey): Promise<string> {
  const header = { alg: 'EdDSA', typ: type, kid: key.kid }
  const signingInput = `${encodeJson(header)}.${encodeJson(payload)}`
  const cryptoKey = await importPrivateKey(key)
  const signature = await crypto.subtle.sign('Ed25519', cryptoKey, new TextEncoder().encode(signingInput))
  return `${signingInput}.${encodeBase64url(new Uint8Array(signature))}`
}

/** Takes a compact JWS (RFC 7515 section 7.1) apart. Says nothing yet about whether the signature holds. */
export function parseJws(text: string, type: JwsType): ParsedJws {
  const parts = text.split('.')
  const [headerPart, payloadPart, signaturePart] = parts
  if (parts.length !== 3 || headerPart === undefined || payloadPart === undefined || signaturePart === undefined) {
    return damaged('It does not have the three parts of a compact JWS.')
  }
  const header = decodeJson(headerPart)
  const payload = decodeJson(payloadPart)
  const signature = decodeBase64url(signaturePart)
  if (header === null || payload === null || signature?.length !== signatureBytes) {
    return damaged('One of its parts is not readable.')
  }
  if (header.alg !== 'EdDSA') return damaged('It is not signed with EdDSA.')
  if (header.typ !== type) return damaged(`Its type is not ${type}.`)
  if (typeof header.kid !== 'string' || header.kid === '') return damaged('It does not name its key.')
  // RFC 7515 section 4.1.11: extensions marked critical must be refused by who does not know them. We know none.
  if ('crit' in header) return damaged('It needs an extension that this verifier does not know.')
  const signingInput = new TextEncoder().encode(`${headerPart}.${payloadPart}`)
  return { kind: 'jws', jws: { kid: header.kid, payload, signingInput, signature } }
}

export async function isSignedBy(jws: Jws, key: PublicLicenseKey): Promise<boolean> {
  return crypto.subtle.verify('Ed25519', await importPublicKey(key), jws.signature, jws.signingInput)
}

function damaged(detail: string): ParsedJws {
  return { kind: 'damaged', detail }
}

function encodeJson(value: object): string {
  return encodeBase64url(new TextEncoder().encode(JSON.stringify(value)))
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
