import { createPublicKey, type KeyObject, sign } from 'node:crypto'

/**
 * A PKCS #10 request (RFC 2986) for an EC key, PEM. It names nobody: the platform writes its own subject. Written out,
 * because it is 30 lines of DER and the known library asks for a change of the global Reflect object.
 */
export function createCertificateRequest(privateKey: KeyObject): string {
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const version = Buffer.from([0x02, 0x01, 0x00])
  const noSubject = element(0x30, [])
  const noAttributes = element(0xa0, [])
  const information = element(0x30, [version, noSubject, publicKey, noAttributes])
  const signature = sign('sha256', information, { key: privateKey, dsaEncoding: 'der' })
  // A bit string begins with the number of unused bits in its last byte.
  const bits = element(0x03, [Buffer.from([0]), signature])
  return toPem(element(0x30, [information, ecdsaWithSha256, bits]))
}

/** AlgorithmIdentifier 1.2.840.10045.4.3.2, without parameters (RFC 5758, 3.2). */
const ecdsaWithSha256 = Buffer.from('300a06082a8648ce3d040302', 'hex')

function element(tag: number, parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content), content])
}

/** X.690, 8.1.3: short form below 128, else the number of length bytes and the length. */
function lengthOf({ length }: Buffer): Buffer {
  if (length < 0x80) return Buffer.from([length])
  if (length < 0x100) return Buffer.from([0x81, length])
  return Buffer.from([0x82, length >> 8, length & 0xff])
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE REQUEST-----', ...lines, '-----END CERTIFICATE REQUEST-----', ''].join('\n')
}
