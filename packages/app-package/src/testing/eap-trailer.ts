import { createHash } from 'node:crypto'

export interface EapSigning {
  createdAt?: Date
  /** Fingerprint of the signing key, 40 hex digits. */
  keyId?: string
}

const magic = Buffer.from('658d14ab4207aac6', 'hex')

/**
 * What signing appends to an .eap: an armored OpenPGP signature and its footer. Its form is true; the number in it is a
 * hash of the package and no signature, since only Axis has the key.
 */
export function eapTrailer(payload: Buffer, signing: EapSigning = {}): Buffer {
  const armored = Buffer.from(armor(signaturePacket(payload, signing)))
  const footer = Buffer.alloc(8)
  footer.writeUInt32BE(armored.length, 0)
  footer.writeUInt32BE(1, 4)
  return Buffer.concat([armored, footer, magic])
}

function signaturePacket(payload: Buffer, signing: EapSigning): Buffer {
  const { createdAt = new Date(Date.UTC(2026, 0, 1)), keyId = 'ab'.repeat(20) } = signing
  const time = Buffer.alloc(4)
  time.writeUInt32BE(createdAt.getTime() / 1000)
  const fingerprint = Buffer.concat([Buffer.of(4), Buffer.from(keyId, 'hex')])
  const hashed = Buffer.concat([subpacket(33, fingerprint), subpacket(2, time)])
  const unhashed = subpacket(16, fingerprint.subarray(-8))
  const number = createHash('sha512').update(payload).digest()
  // RFC 9580 section 5.2.3: version 4, binary document, RSA, SHA-512, the two lists, two bytes of the hash, one number.
  const body = Buffer.concat([
    Buffer.of(4, 0, 1, 10),
    counted(hashed),
    counted(unhashed),
    number.subarray(0, 2),
    Buffer.of(2, 0),
    number,
  ])
  return Buffer.concat([Buffer.of(0x89, body.length >> 8, body.length & 0xff), body])
}

const subpacket = (type: number, body: Buffer) => Buffer.concat([Buffer.of(body.length + 1, type), body])

const counted = (list: Buffer) => Buffer.concat([Buffer.of(list.length >> 8, list.length & 0xff), list])

function armor(packet: Buffer): string {
  const lines = packet.toString('base64').match(/.{1,64}/g) ?? []
  const checksum = Buffer.from(crc24(packet).toString(16).padStart(6, '0'), 'hex').toString('base64')
  return `-----BEGIN PGP SIGNATURE-----\n\n${lines.join('\n')}\n=${checksum}\n-----END PGP SIGNATURE-----\n`
}

/** RFC 9580 section 6.1.1 */
function crc24(bytes: Buffer): number {
  let crc = 0xb704ce
  for (const byte of bytes) {
    crc ^= byte << 16
    for (let bit = 0; bit < 8; bit += 1) {
      crc <<= 1
      if (crc & 0x1000000) crc ^= 0x1864cfb
    }
  }
  return crc & 0xffffff
}
