import type { SealingJwk } from '@ocelli/contract'
import { OcelliError } from '../errors/ocelli-error.ts'

const encryption = 'A256GCM'
const keyBits = 256

/**
 * Seals a text to an X25519 public key: a compact JWE (RFC 7516) with ECDH-ES and A256GCM, `apv` naming the purpose. Works by
 * Web Crypto alone, in Node >= 20 and in browsers (which have it on https only). Throws `invalid-options`.
 */
export async function sealFor(
  publicJwk: SealingJwk,
  plaintext: string,
  { purpose }: { purpose: string },
): Promise<string> {
  const { subtle } = globalThis.crypto
  const theirs = await importKey(publicJwk)
  const own = await subtle.generateKey('X25519', true, ['deriveBits'])
  if (!('privateKey' in own)) throw new Error('Web Crypto gave one key where X25519 has two.')
  const epk = await subtle.exportKey('jwk', own.publicKey)
  const apv = utf8(purpose)
  const header = {
    alg: 'ECDH-ES',
    enc: encryption,
    apv: base64url(apv),
    ...(publicJwk.kid ? { kid: publicJwk.kid } : {}),
    epk: { kty: 'OKP', crv: 'X25519', x: epk.x },
  }
  const protectedHeader = base64url(utf8(JSON.stringify(header)))
  const shared = new Uint8Array(await subtle.deriveBits({ name: 'X25519', public: theirs }, own.privateKey, keyBits))
  const material = await subtle.digest('SHA-256', otherInfo(shared, apv))
  const key = await subtle.importKey('raw', material, 'AES-GCM', false, ['encrypt'])
  const iv = globalThis.crypto.getRandomValues(new Uint8Array(12))
  const additionalData = utf8(protectedHeader)
  const body = new Uint8Array(await subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, utf8(plaintext)))
  // Web Crypto puts the tag of 16 bytes behind the ciphertext; a JWE has it apart.
  const [ciphertext, tag] = [body.subarray(0, -16), body.subarray(-16)]
  return [protectedHeader, '', base64url(iv), base64url(ciphertext), base64url(tag)].join('.')
}

async function importKey({ kty, crv, x }: SealingJwk): Promise<CryptoKey> {
  try {
    return await globalThis.crypto.subtle.importKey('jwk', { kty, crv, x }, { name: 'X25519' }, false, [])
  } catch (cause) {
    const detail =
      'This is no X25519 public key, or this browser or Node cannot use one: it needs https and a recent version.'
    throw new OcelliError(detail, { kind: 'invalid-options', code: 'invalid-options', cause })
  }
}

/** What the one round of the Concat KDF hashes for a key of 256 bits (RFC 7518 section 4.6.2). */
function otherInfo(shared: Uint8Array, apv: Uint8Array): Uint8Array<ArrayBuffer> {
  const round = Uint8Array.of(0, 0, 0, 1)
  const length = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
  const withLength = (bytes: Uint8Array) => [length(bytes.length), bytes]
  const none = new Uint8Array(0)
  const parts = [round, shared, ...[utf8(encryption), none, apv].flatMap(withLength), length(keyBits)]
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

function base64url(bytes: Uint8Array): string {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
