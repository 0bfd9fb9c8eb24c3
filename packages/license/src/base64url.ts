const alphabet = /^[A-Za-z0-9_-]*$/
/** Characters whose unused low bits are zero, by how many characters the last group has (RFC 4648 section 3.5). */
const canonicalEnd: Record<number, RegExp> = { 0: /^/, 2: /[AQgw]$/, 3: /[AEIMQUYcgkosw048]$/ }
/** Arguments that one call may have, far below what engines allow. */
const chunkBytes = 0x8000

/** Encodes bytes as base64url without padding (RFC 4648 section 5). */
export function encodeBase64url(bytes: Uint8Array): string {
  let binary = ''
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    binary += String.fromCharCode(...bytes.subarray(start, start + chunkBytes))
  }
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/**
 * Decodes unpadded base64url; null for anything else. Only the canonical spelling is accepted: with spare bits set
 * (RFC 4648 section 3.5) one signature would have several texts, and a changed text must never verify.
 */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!alphabet.test(text) || !canonicalEnd[text.length % 4]?.test(text.slice(-1))) return null
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}
