import { PackageError } from '../package-error.ts'

/** What a detached OpenPGP signature says of itself, unverified. */
export interface OpenPgpSignature {
  createdAt: Date
  /** The issuer's fingerprint, or its key id where no fingerprint is given; lower case hex. */
  keyId: string
}

const armor =
  /^-----BEGIN PGP SIGNATURE-----\r?\n(?:[\w-]+: [^\r\n]*\r?\n)*\r?\n([A-Za-z0-9+/=\r\n]+)-----END PGP SIGNATURE-----\s*$/
// RFC 9580: packet type of signatures, and the subpackets that name time and issuer.
const signaturePacket = 2
const creationTime = 2
const issuerKeyId = 16
const issuerFingerprint = 33

/** Reads an armored version 4 signature (RFC 9580 sections 5.2.3 and 6.2). Throws PackageError `signature-invalid`. */
export function readOpenPgpSignature(armored: Buffer): OpenPgpSignature {
  const body = armor.exec(armored.toString('latin1'))?.[1]
  if (body === undefined) throw invalid('it is not an armored OpenPGP signature')
  const lines = body.split(/\r?\n/).filter((line) => line !== '')
  // The last line is `=` and a CRC-24, which RFC 9580 tells readers not to require.
  const base64 = lines.filter((line) => !line.startsWith('=')).join('')
  return readSignature(readPacket(Buffer.from(base64, 'base64')))
}

/** The contents of the one packet that there must be. */
function readPacket(bytes: Buffer): Buffer {
  const head = bytes[0] ?? 0
  const isNewForm = (head & 0xc0) === 0xc0
  const type = isNewForm ? head & 0x3f : (head >> 2) & 0x0f
  if ((head & 0x80) === 0 || type !== signaturePacket) throw invalid('its packet is no signature')
  const { start, length } = isNewForm ? readNewLength(bytes) : readOldLength(bytes, head & 3)
  if (start + length !== bytes.length) throw invalid('its packet has another length than it says')
  return bytes.subarray(start)
}

interface Span {
  start: number
  length: number
}

function readNewLength(bytes: Buffer): Span {
  const first = byteAt(bytes, 1)
  if (first < 192) return { start: 2, length: first }
  if (first < 224) return { start: 3, length: ((first - 192) << 8) + byteAt(bytes, 2) + 192 }
  if (first === 255 && bytes.length >= 6) return { start: 6, length: bytes.readUInt32BE(2) }
  throw invalid('its packet has no fixed length')
}

function readOldLength(bytes: Buffer, lengthType: number): Span {
  const size = 1 << lengthType
  if (lengthType === 3 || bytes.length < 1 + size) throw invalid('its packet has no fixed length')
  return { start: 1 + size, length: bytes.readUIntBE(1, size) }
}

function readSignature(packet: Buffer): OpenPgpSignature {
  if (byteAt(packet, 0) !== 4) throw invalid('it is not of version 4')
  const hashedSize = packet.length >= 6 ? packet.readUInt16BE(4) : packet.length
  const unhashedAt = 6 + hashedSize
  if (packet.length < unhashedAt + 2) throw invalid('it ends too early')
  const unhashedSize = packet.readUInt16BE(unhashedAt)
  const unhashedEnd = unhashedAt + 2 + unhashedSize
  if (packet.length < unhashedEnd) throw invalid('it ends too early')
  const hashed = readSubpackets(packet.subarray(6, unhashedAt))
  const unhashed = readSubpackets(packet.subarray(unhashedAt + 2, unhashedEnd))
  const time = hashed.get(creationTime)
  if (time?.length !== 4) throw invalid('it does not say when it was made')
  const fingerprint = hashed.get(issuerFingerprint)?.subarray(1) ?? unhashed.get(issuerFingerprint)?.subarray(1)
  const key = fingerprint ?? hashed.get(issuerKeyId) ?? unhashed.get(issuerKeyId)
  if (key === undefined || key.length < 8) throw invalid('it does not say whose it is')
  return { createdAt: new Date(time.readUInt32BE(0) * 1000), keyId: key.toString('hex') }
}

/** Contents by type; the top bit of a type only says that the subpacket is critical. */
function readSubpackets(bytes: Buffer): Map<number, Buffer> {
  const subpackets = new Map<number, Buffer>()
  let at = 0
  while (at < bytes.length) {
    const { start, length } = readSubpacketLength(bytes, at)
    if (length === 0 || start + length > bytes.length) throw invalid('one of its parts has another length than it says')
    const type = byteAt(bytes, start) & 0x7f
    if (!subpackets.has(type)) subpackets.set(type, bytes.subarray(start + 1, start + length))
    at = start + length
  }
  return subpackets
}

function readSubpacketLength(bytes: Buffer, at: number): Span {
  const first = byteAt(bytes, at)
  if (first < 192) return { start: at + 1, length: first }
  if (first < 255) return { start: at + 2, length: ((first - 192) << 8) + byteAt(bytes, at + 1) + 192 }
  if (bytes.length < at + 5) throw invalid('it ends too early')
  return { start: at + 5, length: bytes.readUInt32BE(at + 1) }
}

function byteAt(bytes: Buffer, at: number): number {
  const value = bytes[at]
  if (value === undefined) throw invalid('it ends too early')
  return value
}

function invalid(what: string): PackageError {
  return new PackageError('signature-invalid', `The signature of the package cannot be read: ${what}.`)
}
